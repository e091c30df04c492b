"""Mean and standard deviation of training pixels, estimated from a batch normalization."""

import contextlib
import dataclasses

import keras
import numpy as np
from scipy import optimize, special

from mosaickd_tf.models.graph.activations import ActivationCapture
from mosaickd_tf.models.graph.walk import leaf_layers

_NUM_IMAGES = 48
_TOLERANCE = 0.01  # of the response to a sum, for a map to count as linear
_MOST_LAYERS = 4  # normalizations that are tried, the first ones
_SEED = 2110


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelMoments:
    """Moments of the pixels that a network was trained on, in its own range.

    Attributes:
        mean: of each channel, float64 `(channels,)`.
        mean_error: its standard error, likewise.
        std: of all pixels, a float.
    """

    mean: np.ndarray
    mean_error: np.ndarray
    std: float


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
        for rectified in (False, True):
            response = _Response(model, layer, rectified)
            if response.is_linear(images[:4]):
                return _solve(response, layer, images, rectified)
    return None


class _Response:
    """Input of a layer as a function of images, ReLUs before it left out where asked."""

    def __init__(self, model, layer, rectified):
        self._capture = ActivationCapture(model, [layer], side="input")
        self._axis = layer.axis
        self._bypassed = _rectifiers(model) if rectified else []

    def __call__(self, images):
        """Returns float64 `(n, positions, channels)`."""
        with contextlib.ExitStack() as stack:
            for layer in self._bypassed:
                stack.enter_context(_without_relu(layer))
            _, (values,) = self._capture(keras.ops.convert_to_tensor(images), training=False)
        values = np.moveaxis(keras.ops.convert_to_numpy(values), self._axis, -1)
        return values.astype("float64").reshape(len(images), -1, values.shape[-1])

    def is_linear(self, images):
        """Tells whether images add up, beside a constant."""
        noise = np.random.default_rng(_SEED).normal(size=images.shape).astype("float32")
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
    """Solves for the moments of pixels that give the moments which a layer stores."""
    mean, variance = (
        keras.ops.convert_to_numpy(value).astype("float64")
        for value in (layer.moving_mean, layer.moving_variance)
    )
    used = variance > 1e-6 * variance.max()
    if rectified:
        mean, variance, informs = before_relu(mean, variance)
        used &= informs
    channels = images.shape[-1]
    if used.sum() < channels + 2:
        return None
    mean, variance = mean[used], variance[used]
    zero = response(0 * images[:1])
    constant = zero.mean(axis=(0, 1))[used]
    colors = np.stack([np.ones_like(images[0]) * color for color in np.eye(channels)])
    gains = (response(colors.astype("float32")) - zero).mean(axis=1)[:, used].T
    rows, values = gains / variance[:, None] ** 0.5, (mean - constant) / variance**0.5
    pixel_mean, *_ = np.linalg.lstsq(rows, values, rcond=None)
    residual = np.sum((values - rows @ pixel_mean) ** 2) / (len(values) - channels)
    error = np.sqrt(residual * np.diag(np.linalg.pinv(rows.T @ rows)))
    spectra = [
        (response(basis) - zero).var(axis=(0, 1))[used] / variance for basis in _spectra(images)
    ]
    shares, _ = optimize.nnls(np.stack(spectra, axis=1), np.ones(len(variance)))
    return PixelMoments(mean=pixel_mean, mean_error=error, std=float(shares.sum()) ** 0.5)


def _spectra(images):
    """Returns images of pixels of mean 0 and variance 1: these, white noise, and one color each."""
    centered = images - images.mean(axis=(0, 1, 2), keepdims=True)
    noise = np.random.default_rng(_SEED).normal(size=(*images.shape[:-1], 1))
    flat = np.broadcast_to(centered.mean(axis=(1, 2), keepdims=True), images.shape)
    bases = (centered, np.broadcast_to(noise, images.shape), flat)
    return [(basis / max(basis.std(), 1e-6)).astype("float32") for basis in bases]


def before_relu(mean, variance):
    """Returns mean and variance before a ReLU of what has these after it, if it was Gaussian.

    Args:
        mean: after the ReLU, `(channels,)`.
        variance: after the ReLU, likewise.

    Returns:
        Mean, variance, and whether the ReLU passed enough for them to be known; `(channels,)` each.
    """
    ratio = np.linspace(-3, 8, 2201)  # of mean to standard deviation, before
    density = np.exp(-0.5 * ratio**2) / np.sqrt(2 * np.pi)
    first = density + ratio * special.ndtr(ratio)
    second = (1 + ratio**2) * special.ndtr(ratio) + ratio * density
    share = first**2 / second
    received = mean**2 / np.maximum(mean**2 + variance, 1e-30)
    found = np.interp(received, share, ratio)
    std = mean / np.interp(found, ratio, first)
    return found * std, std**2, (found > -2) & (std > 0)
