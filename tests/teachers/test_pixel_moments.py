"""Moments of training pixels, estimated from the statistics of a batch normalization."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import integrate

from mosaickd_tf.teachers.pixel_moments import after_relu, estimate_moments
from tests.teachers.range_models import OF_UNIT, SIDE, convolved, digits, photos, seen, teacher

SPECTRUM = photos()[1::8].astype("float32") / 255  # of other images than those of the teachers


def normalizations(model):
    return [x for x in model.layers if isinstance(x, layers.BatchNormalization)]


def moments_of_windows(images):
    """Returns mean of each channel and deviation of all of what 3x3 windows see, in float64."""
    channels = images.shape[-1]
    window = np.eye(channels)[None, None] * np.full((3, 3, 1, 1), 1 / 9)
    first, second = (
        convolved(power, window, 0.0).reshape(-1, channels).mean(axis=0)
        for power in (images, images**2)
    )
    return first, np.mean(second - first**2) ** 0.5


@pytest.mark.parametrize(
    ("pixels", "relu"), [*((pixels, False) for pixels in OF_UNIT), ("bytes", True), ("unit", True)]
)
def test_mean_and_deviation_are_recovered_within_their_errors(pixels, relu):
    images = seen(photos())
    model = teacher(images, pixels, relu=relu, seed=1)
    moments = estimate_moments(model, normalizations(model), SPECTRUM)
    mean, std = moments_of_windows(OF_UNIT[pixels](images))
    assert np.all(np.abs(moments.mean - mean) <= 3 * moments.mean_error)
    assert np.all((moments.mean_error > 0) & (moments.mean_error < std))
    assert abs(np.log(moments.std / std)) <= 3 * moments.log_std_error


def test_moments_of_gray_strokes_are_recovered_by_the_spectrum_of_photographs():
    images = seen(digits())
    model = teacher(images, "bytes")
    gray = SPECTRUM.mean(axis=-1, keepdims=True)
    moments = estimate_moments(model, normalizations(model), gray)
    mean, std = moments_of_windows(255 * images)
    np.testing.assert_allclose(moments.mean, mean, rtol=0.1)
    assert moments.std == pytest.approx(std, rel=0.2)


def test_a_layer_before_the_convolution_is_part_of_the_linear_map():
    images = seen(photos())
    model = teacher(images, "signed", before=[layers.Rescaling(2.0, offset=-1.0)])
    moments = estimate_moments(model, normalizations(model), SPECTRUM)
    mean = images.mean(axis=(0, 1, 2))
    assert np.all(np.abs(moments.mean - mean) <= 3 * moments.mean_error + 0.02)


@pytest.mark.parametrize("between", ["tanh", "elu", "swish"])
def test_without_a_linear_map_there_is_none(between):
    images = keras.Input((SIDE, SIDE, 3))
    norm = layers.BatchNormalization()
    outputs = norm(layers.Conv2D(12, 3, activation=between)(images))
    norm.set_weights([np.ones(12), np.zeros(12), np.full(12, 0.1), np.full(12, 0.3)])
    assert estimate_moments(keras.Model(images, outputs), [norm], SPECTRUM) is None


@pytest.mark.parametrize(
    "between",
    [
        (layers.ReLU(), layers.Conv2D(12, 3)),
        (layers.ReLU(), layers.AveragePooling2D(2)),
        (layers.ReLU(), layers.Conv2D(12, 3), layers.ReLU()),
        (layers.ReLU(6.0),),
        (layers.ReLU(negative_slope=0.3),),
    ],
    ids=["relu and convolution", "relu and mean", "two relus", "bounded relu", "leaky relu"],
)
def test_without_a_plain_relu_right_before_the_normalization_there_is_none(between):
    """Layers after the ReLU mix its values, whose moments are no longer known."""
    hidden = images = keras.Input((SIDE, SIDE, 3))
    norm = layers.BatchNormalization()
    for layer in (layers.Conv2D(12, 3), *between, norm):
        hidden = layer(hidden)
    norm.set_weights([np.ones(12), np.zeros(12), np.full(12, 0.1), np.full(12, 0.3)])
    assert estimate_moments(keras.Model(images, hidden), [norm], SPECTRUM) is None


def test_a_map_that_is_linear_for_small_pixels_only_is_none():
    """A ReLU that lets everything through up to pixels of 20 is none for those up to 255."""
    hidden = images = keras.Input((SIDE, SIDE, 3))
    first = layers.Conv2D(12, 3, bias_initializer=keras.initializers.Constant(20.0))
    norm = layers.BatchNormalization()
    for layer in (first, layers.ReLU(), layers.Conv2D(12, 3), norm):
        hidden = layer(hidden)
    norm.set_weights([np.ones(12), np.zeros(12), np.full(12, 0.1), np.full(12, 0.3)])
    assert estimate_moments(keras.Model(images, hidden), [norm], SPECTRUM) is None


def test_of_fewer_values_than_unknowns_nothing_is_estimated():
    images = keras.Input((SIDE, SIDE, 3))
    norm = layers.BatchNormalization()
    model = keras.Model(images, norm(layers.Conv2D(4, 3)(images)))
    assert estimate_moments(model, [norm], SPECTRUM) is None


def test_the_model_is_left_as_it_was():
    model = teacher(seen(photos()), "unit", relu=True)
    before = np.asarray(model(SPECTRUM[:4]))
    estimate_moments(model, normalizations(model), SPECTRUM)
    np.testing.assert_array_equal(model(SPECTRUM[:4]), before)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (-1.0, 0.5), (2.0, 3.0)])
def test_moments_after_a_relu_are_the_integrals_over_a_normal_density(mean, variance):
    def density(value):
        return np.exp(-0.5 * (value - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)

    first, second = (
        integrate.quad(lambda x, p=power: x**p * density(x), 0, 30)[0] for power in (1, 2)
    )
    received = after_relu(np.array([mean]), np.array([variance]))
    np.testing.assert_allclose(np.ravel(received), [first, second - first**2], rtol=1e-6)
