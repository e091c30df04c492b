"""Shared constants, initializers and layers against PyTorch's definitions."""

import keras
import numpy as np
import pytest

from mosaickd_tf.models import blocks


def drawn(initializer, shape):
    return np.asarray(initializer(shape))


def test_batch_normalization_has_torch_s_momentum_and_epsilon():
    assert blocks.BATCH_NORM == {"momentum": 0.9, "epsilon": 1e-5}  # torch: 0.1 and 1e-5


def test_leaky_slope_is_that_of_the_reference():
    assert blocks.LEAKY_SLOPE == 0.2


@pytest.mark.parametrize(("shape", "fan_in"), [((300, 200), 300), ((4, 4, 50, 80), 800)])
def test_torch_uniform_is_bounded_by_one_over_the_root_of_the_fan_in(shape, fan_in):
    weights = drawn(blocks.torch_uniform(), shape)
    bound = fan_in**-0.5
    assert 0.99 * bound < np.abs(weights).max() <= bound * (1 + 1e-6)
    np.testing.assert_allclose(weights.std(), bound / np.sqrt(3), rtol=0.02)
    assert abs(weights.mean()) < 0.02 * bound


def test_torch_uniform_bias_has_the_bound_of_the_weights():
    bias = drawn(blocks.torch_uniform_bias(400), (5000,))
    assert 0.99 / 20 < np.abs(bias).max() <= 1 / 20
    np.testing.assert_allclose(bias.std(), 1 / 20 / np.sqrt(3), rtol=0.05)


@pytest.mark.parametrize(("shape", "fan_out"), [((3, 3, 40, 64), 576), ((1, 1, 200, 100), 100)])
def test_fan_out_normal_has_the_he_deviation_and_normal_tails(shape, fan_out):
    weights = drawn(blocks.fan_out_normal(), shape)
    deviation = np.sqrt(2 / fan_out)
    np.testing.assert_allclose(weights.std(), deviation, rtol=0.02)
    # A truncated normal would have nothing beyond two deviations; a normal one has 4.6 %.
    np.testing.assert_allclose((np.abs(weights) > 2 * deviation).mean(), 0.0455, atol=0.01)


def test_standardization_is_built_in_and_gives_zero_mean_and_unit_deviation():
    layer = blocks.standardization([0.5, 0.25, 0.1], [0.25, 0.5, 0.2])
    assert type(layer) is keras.layers.Normalization
    pixels = np.array([[[[0.75, 0.25, 0.5]]]], "float32")
    np.testing.assert_allclose(layer(pixels), [[[[1.0, 0.0, 2.0]]]], atol=1e-6)


def test_standardization_stays_float32_under_low_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = blocks.standardization([0.5], [0.25])
    finally:
        keras.config.set_dtype_policy("float32")
    assert layer(np.zeros((1, 2, 2, 1), "float32")).dtype == "float32"


def test_pad_surrounds_an_image_with_zeros():
    image = keras.ops.ones((1, 2, 2, 1))
    padded = np.asarray(blocks.pad(image, 1))[0, :, :, 0]
    expected = np.zeros((4, 4))
    expected[1:3, 1:3] = 1.0
    np.testing.assert_array_equal(padded, expected)


def test_a_pad_of_zero_is_nothing():
    image = keras.ops.ones((1, 2, 2, 1))
    assert blocks.pad(image, 0) is image
