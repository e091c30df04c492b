"""Mean and standard deviation of training pixels, estimated from a batch normalization."""

import contextlib
import dataclasses

import keras
import numpy as np
from scipy import optimize, special

from mosaickd_tf.models.graph.activations import ActivationCapture
from mosaickd_tf.models.graph.walk import leaf_layers

_NUM_IMAGES, _FEWEST_IMAGES = 48, 4
_MOST_NUMBERS = 2**28  # of all images before a normalization, by which memory is bounded
_TOLERANCE = 0.01  # of the response to a sum, for a map to count as linear
_MOST_LAYERS = 4  # normalizations that are tried, the first ones
_SMALL_VARIANCE = 0.02  # of the median channel's, below which one says little
_MOST_LEFT = 0.4  # share of the statistics with which a layer began
_LEFT_PENALTY = 1.0  # it is 0 where nothing speaks for it, as in [0, 255]
_RELU_ERROR = 0.3  # of the logarithm of a deviation, as values before a ReLU are not quite Gaussian
# Mean and standard deviation of pixels from which the solution is searched.
_STARTS = ((0.5, 0.25), (0.0, 0.5), (0.0, 1.0), (120.0, 60.0), (0.0, 60.0))
_SEED = 2110


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelMoments:
    """Moments of the pixels that a network was trained on, in its own range.

    Attributes:
        mean: of each channel, float64 `(channels,)`.
        mean_error: its standard error, likewise.
        std: of all pixels, a float.
        log_std_error: standard error of its natural logarithm.
    """

    mean: np.ndarray
    mean_error: np.ndarray
    std: float
    log_std_error: float


def estimate_moments(model, layers, images):
    """Estimates moments of the training pixels from the first fitting batch normalization.

    Args:
        model: Keras model of images in its own range.
        layers: its `BatchNormalization` layers, the first ones first.
        images: float32 images `(n, *model.input_shape[1:])` in [0, 1], for the spectrum of images.

    Returns:
        `PixelMoments`, or None where no batch normalization follows a linear map of the images,
        or a ReLU of one.
    """
    images = images[:_NUM_IMAGES]
    first = [layer for layer in layers if layer.moving_mean.shape[0] >= images.shape[-1] + 2]
    for layer in first[:_MOST_LAYERS]:
        response = _Response(model, layer)
        if response.is_linear(images[:_FEWEST_IMAGES]):
            return _solve(response, layer, _bounded(images, response), rectified=False)
        before_relu = _Response(model, layer, without=_rectifiers(model))
        few = images[:_FEWEST_IMAGES]
        if before_relu.is_linear(few) and _is_relu_of(response, before_relu, few):
            return _solve(before_relu, layer, _bounded(images, before_relu), rectified=True)
    return None


def _bounded(images, response):
    """Returns as many of the images as memory allows for what comes before a normalization."""
    return images[: max(_FEWEST_IMAGES, _MOST_NUMBERS // response(images[:1]).size)]


def _is_relu_of(response, before_relu, images):
    """Tells whether a response is a plain ReLU of another, for pixels of any range."""
    return all(
        np.allclose(response(batch), np.maximum(before_relu(batch), 0), rtol=1e-3, atol=1e-4)
        for batch in (images, 255 * images, 255 * images - 128)
    )


class _Response:
    """Input of a layer as a function of images, layers with a ReLU `without` it."""

    def __init__(self, model, layer, without=()):
        self._capture = ActivationCapture(model, [layer], side="input")
        self._axis = layer.axis
        self._bypassed = without

    def __call__(self, images):
        """Returns float64 `(n, positions, channels)`."""
        with contextlib.ExitStack() as stack:
            for layer in self._bypassed:
                stack.enter_context(_without_relu(layer))
            _, (values,) = self._capture(keras.ops.convert_to_tensor(images), training=False)
        values = np.moveaxis(keras.ops.convert_to_numpy(values), self._axis, -1)
        return values.astype("float64").reshape(len(images), -1, values.shape[-1])

    def is_linear(self, images):
        """Tells whether images of any range add up, beside a constant."""
        noise = np.random.default_rng(_SEED).normal(size=images.shape).astype("float32")
        return all(self._adds_up(scale * images, scale * noise) for scale in (1, 255))

    def _adds_up(self, images, noise):
        zero, one, two, both = (
            self(batch) for batch in (0 * images, images, noise, images - 2 * noise)
        )
        expected = one - 2 * (two - zero)
        scale = np.abs(one - zero).mean() + np.abs(two - zero).mean()
        return bool(np.abs(both - expected).mean() <= _TOLERANCE * scale)


def _rectifiers(model):
    """Lists the layers of a model that end in a ReLU of their own."""
    relu = keras.activations.relu
    return [
        layer
        for layer in leaf_layers(model)
        if isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is relu
    ]


@contextlib.contextmanager
def _without_relu(layer):
    """Makes a layer linear while the context lasts."""
    if isinstance(layer, keras.layers.ReLU):
        layer.call = lambda inputs: inputs
        try:
            yield
        finally:
            del layer.call  # the method of the class applies again
    else:
        relu, layer.activation = layer.activation, keras.activations.linear
        try:
            yield
        finally:
            layer.activation = relu


def _solve(response, layer, images, rectified):
    """Solves for the moments of pixels that give the moments which a layer stores.

    The unknowns are the mean of each channel, the logarithm of the variance of each spectrum, and
    the share of the mean 0 and variance 1 with which the layer began, left after a short training.
    """
    mean, variance = (
        keras.ops.convert_to_numpy(value).astype("float64")
        for value in (layer.moving_mean, layer.moving_variance)
    )
    channels = images.shape[-1]
    zero = response(0 * images[:1])
    constant = zero.mean(axis=(0, 1))
    colors = np.stack([np.ones_like(images[0]) * color for color in np.eye(channels)])
    gains = (response(colors.astype("float32")) - zero).mean(axis=1).T
    powers = np.stack([(response(basis) - zero).var(axis=(0, 1)) for basis in _spectra(images)], 1)
    tolerated = variance + _SMALL_VARIANCE * np.median(variance)

    def misfit(unknowns):
        pixel_mean, logarithms, left = np.split(unknowns, [channels, -1])
        fitted = constant + gains @ pixel_mean, powers @ np.exp(logarithms)
        fitted_mean, fitted_variance = after_relu(*fitted) if rectified else fitted
        return np.concatenate(
            [
                ((1 - left) * fitted_mean - mean) / tolerated**0.5,
                ((1 - left) * fitted_variance + left - variance) / tolerated,
                left * _LEFT_PENALTY,
            ]
        )

    fits = [_least_squares(misfit, channels, powers.shape[1], *start) for start in _STARTS]
    model_error = _RELU_ERROR if rectified else 0.0
    return _moments(min(fits, key=lambda fit: fit.cost), channels, model_error)


def _least_squares(misfit, channels, spectra, mean, std):
    """Minimizes the misfit from pixels of a mean and a standard deviation on."""
    start = np.r_[np.full(channels, mean), np.full(spectra, 2 * np.log(std / 2)), 0.01]
    least = np.r_[np.full(channels, -1e4), np.full(spectra, -24.0), 0.0]
    most = np.r_[np.full(channels, 1e4), np.full(spectra, 16.0), _MOST_LEFT]
    steps = np.r_[np.full(channels, std), np.ones(spectra), 0.05]
    return optimize.least_squares(
        misfit, start, bounds=(least, most), x_scale=steps, loss="soft_l1", f_scale=0.3
    )


def _moments(fit, channels, model_error):
    """Returns the `PixelMoments` of a fit; `model_error` adds to that of the deviation."""
    misfit = np.sum(fit.fun**2) / max(1, len(fit.fun) - len(fit.x))
    covariance = misfit * np.linalg.pinv(fit.jac.T @ fit.jac)
    powers = np.exp(fit.x[channels:-1])
    weights = powers / powers.sum() / 2  # of the logarithm of the standard deviation
    inner = covariance[channels:-1, channels:-1]
    return PixelMoments(
        mean=fit.x[:channels],
        mean_error=np.sqrt(np.diag(covariance)[:channels]),
        std=float(powers.sum()) ** 0.5,
        log_std_error=float(weights @ inner @ weights + model_error**2) ** 0.5,
    )


def _spectra(images):
    """Returns images of pixels of mean 0 and variance 1: these, white noise, and one color each."""
    centered = images - images.mean(axis=(0, 1, 2), keepdims=True)
    noise = np.random.default_rng(_SEED).normal(size=(*images.shape[:-1], 1))
    flat = np.broadcast_to(centered.mean(axis=(1, 2), keepdims=True), images.shape)
    bases = (centered, np.broadcast_to(noise, images.shape), flat)
    return [(basis / max(basis.std(), 1e-6)).astype("float32") for basis in bases]


def after_relu(mean, variance):
    """Returns mean and variance after a ReLU of Gaussian values.

    Args:
        mean: before the ReLU, `(channels,)`.
        variance: before the ReLU, likewise.
    """
    std = np.sqrt(np.maximum(variance, 1e-12))
    ratio = mean / std
    density, share = np.exp(-0.5 * ratio**2) / np.sqrt(2 * np.pi), special.ndtr(ratio)
    first = std * (density + ratio * share)
    second = std**2 * ((1 + ratio**2) * share + ratio * density)
    return first, np.maximum(second - first**2, 0.0)
