"""Losses on images and statistics against NumPy in float64, by hand, and at the edges."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses

RNG = np.random.RandomState(5)
IMAGES = RNG.uniform(size=(3, 5, 4, 2))
MEAN, VARIANCE = RNG.standard_normal(2), RNG.uniform(0.5, 2.0, 2)


def gradient_of(loss, at):
    variable = tf.Variable(at, dtype="float32")
    with tf.GradientTape() as tape:
        value = loss(variable)
    return tape.gradient(value, variable).numpy()


def total_variation64(images):
    """Loops over pixels and their neighbors."""
    height, width = images.shape[1:3]
    total = 0.0
    for down, right in ((0, 1), (1, 0), (-1, 1), (1, 1)):
        squares = 0.0
        for y in range(height):
            for x in range(width):
                if 0 <= y + down < height and x + right < width:
                    squares += ((images[:, y, x] - images[:, y + down, x + right]) ** 2).sum()
        total += np.sqrt(squares)
    return total


def test_total_variation_equals_a_loop_over_neighbors():
    value = losses.total_variation_loss(IMAGES)
    np.testing.assert_allclose(value, total_variation64(IMAGES), rtol=1e-5)


def test_total_variation_of_one_bright_pixel_by_hand():
    images = np.zeros((1, 3, 3, 1))
    images[0, 1, 1] = 1.0
    # It has two neighbors each way, so each of four norms is the root of 2.
    np.testing.assert_allclose(losses.total_variation_loss(images), 4 * 2**0.5, rtol=1e-6)


def test_the_norm_of_images_by_hand():
    np.testing.assert_allclose(losses.image_norm_loss(np.full((2, 2, 2, 2), 0.5)), 2.0, rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 5, 4, 2), (6, 2)])
def test_statistics_loss_equals_float64_numpy(shape):
    features = 3.0 + RNG.standard_normal(shape)
    rows = features.reshape(-1, 2)
    expected = np.linalg.norm(rows.mean(0) - MEAN) + np.linalg.norm(rows.var(0) - VARIANCE)
    value = losses.statistics_loss(features, MEAN, VARIANCE)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_statistics_loss_by_hand():
    # Mean 2 and variance 1 against 0 and 1, of one channel.
    np.testing.assert_allclose(losses.statistics_loss([[1.0], [3.0]], [0.0], [1.0]), 2.0, rtol=1e-6)


def test_statistics_divergence_by_hand():
    """Mean 2, variance 1 against 0 and 4: (4/4 + 1/4 - 1 + ln 4) / 2; the other channel fits."""
    rows = [[1.0, -1.0], [3.0, 1.0]]
    value = losses.statistics_divergence(rows, [0.0, 0.0], [4.0, 1.0], epsilon=1e-12)
    np.testing.assert_allclose(value, (0.25 + np.log(4.0)) / 4, rtol=1e-6)


def test_statistics_divergence_equals_the_integral_of_the_densities():
    x = np.linspace(-30, 30, 200_001)

    def density(mean, variance):
        return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    rows = np.random.RandomState(6).normal(1.0, 2.0, size=(50, 1))
    batch, moving = density(rows.mean(), rows.var() + 0.5), density(-1.0, 3.0 + 0.5)
    expected = np.sum(batch * np.log(batch / moving)) * (x[1] - x[0])
    value = losses.statistics_divergence(rows, [-1.0], [3.0], epsilon=0.5)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_statistics_divergence_does_not_change_with_the_scale_of_a_channel():
    rows = np.random.RandomState(7).normal(1.0, 2.0, size=(6, 3, 3, 2))
    mean, variance, scale = np.array([0.5, 2.0]), np.array([1.0, 3.0]), np.array([1e-2, 1e3])
    plain = losses.statistics_divergence(rows, mean, variance, epsilon=1e-12)
    scaled = losses.statistics_divergence(
        rows * scale, mean * scale, variance * scale**2, epsilon=1e-12
    )
    np.testing.assert_allclose(scaled, plain, rtol=1e-4)


def test_a_channel_that_is_always_zero_costs_little_and_has_finite_gradients():
    def loss(rows):
        return losses.statistics_divergence(rows, [0.0], [0.0])

    np.testing.assert_allclose(loss([[0.0], [0.0]]), 0.0, atol=1e-7)
    assert np.isfinite(gradient_of(loss, [[0.0], [0.0]])).all()


def test_statistics_keep_their_digits_in_low_precision_and_far_from_zero():
    features = tf.cast(1000.0 + 8.0 * RNG.standard_normal((64, 2)), "bfloat16")
    rows = features.numpy().astype("float64")
    value = losses.statistics_loss(features, rows.mean(0), rows.var(0) + [1.0, 0.0])
    assert value.dtype == "float32"
    np.testing.assert_allclose(value, 1.0, rtol=1e-3)


@pytest.mark.parametrize(
    "loss", [losses.total_variation_loss, losses.image_norm_loss], ids=["variation", "norm"]
)
def test_black_images_have_loss_0_and_a_finite_gradient(loss):
    black = np.zeros((2, 4, 4, 1))
    np.testing.assert_allclose(loss(black), 0.0, atol=1e-9)
    assert np.array_equal(gradient_of(loss, black), black)


def test_the_gradient_of_statistics_loss_pulls_the_batch_to_the_moving_statistics():
    gradient = gradient_of(lambda x: losses.statistics_loss(x, [0.0], [1.0]), [[2.0], [4.0]])
    assert (gradient > 0).all()
