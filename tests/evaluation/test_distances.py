"""Distances of patches against hand values, SciPy and the definition of the divergence."""

import math

import numpy as np
import pytest
from scipy import stats

from mosaickd_tf import losses
from mosaickd_tf.evaluation.distances import (
    jensen_shannon_estimate,
    random_directions,
    random_patches,
    sliced_wasserstein,
)

LN2 = math.log(2)


@pytest.mark.parametrize("loss, patches, expected", [
    (64 * LN2, 64, 0.0),  # a discriminator that returns one half for every patch
    (0.0, 64, LN2),  # one that is always right with certainty
    (32.0, 64, LN2 - 0.5),
    (100.0, 64, 0.0),  # worse than a guess: the bound is 0
    (-1e-9, 1, LN2),
])  # fmt: skip
def test_the_divergence_by_hand(loss, patches, expected):
    assert jensen_shannon_estimate(loss, patches) == pytest.approx(expected, abs=1e-12)


def test_the_optimal_discriminator_gives_the_divergence():
    """Compares the loss at `p / (p + q)` with the definition, for patches of three kinds."""
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.3, 0.6])
    middle = (p + q) / 2
    divergence = 0.5 * np.sum(p * np.log(p / middle)) + 0.5 * np.sum(q * np.log(q / middle))
    logits = np.log(p / q)
    real = np.repeat(
        logits, np.round(10 * p).astype(int)
    )  # ten patches in the proportions of p and q
    fake = np.repeat(logits, np.round(10 * q).astype(int))
    loss = float(losses.patch_discrimination_loss(real[np.newaxis], fake[np.newaxis]))
    assert jensen_shannon_estimate(loss, 10) == pytest.approx(divergence, rel=1e-5)


def test_in_one_dimension_the_distance_is_scipy_s():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(50, 1)), rng.exponential(size=(50, 1))
    expected = stats.wasserstein_distance(ours[:, 0], theirs[:, 0])
    for direction in (1.0, -1.0):
        distance = sliced_wasserstein(ours, theirs, np.array([[direction]]))
        assert distance == pytest.approx(expected)


def test_each_direction_is_scipy_s_distance_of_the_projections():
    rng = np.random.default_rng(1)
    ours, theirs = rng.uniform(size=(40, 6)), rng.uniform(size=(40, 6)) ** 2
    directions = random_directions(6, 5, seed=3)
    expected = np.mean([
        stats.wasserstein_distance(ours @ column, theirs @ column) for column in directions.T
    ])  # fmt: skip
    assert sliced_wasserstein(ours, theirs, directions) == pytest.approx(expected)


def test_a_shift_by_hand():
    """Shifts patches by (0.3, 0.4): the distance along a direction is the projected shift."""
    ours = np.random.default_rng(2).uniform(size=(30, 2))
    shifted = ours[::-1] + np.array([0.3, 0.4])
    directions = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    assert sliced_wasserstein(ours, shifted, directions) == pytest.approx((0.3 + 0.4 + 0.5) / 3)
    assert sliced_wasserstein(ours, ours[::-1], directions) == 0.0


def test_samples_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(4, 2\)"):
        sliced_wasserstein(np.zeros((3, 2)), np.zeros((4, 2)), np.ones((2, 1)))


def test_directions_have_length_one_and_are_isotropic():
    directions = random_directions(3, 4000, seed=0)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(directions @ directions.T / 4000, np.eye(3) / 3, atol=0.02)
    np.testing.assert_array_equal(directions, random_directions(3, 4000, seed=0))
    assert not np.array_equal(directions, random_directions(3, 4000, seed=1))


def test_patches_are_squares_of_the_images():
    """Uses images of distinct pixel values, so that a patch identifies its position."""
    images = np.arange(2 * 5 * 6, dtype=np.uint8).reshape(2, 5, 6, 1)
    patches = random_patches(images, 3, 500, seed=0) * 255
    corner = np.round(patches[:, 0]).astype(int)
    offsets = np.array([0, 1, 2, 6, 7, 8, 12, 13, 14])
    np.testing.assert_allclose(patches, corner[:, np.newaxis] + offsets, rtol=1e-5)
    image, row, column = np.unravel_index(corner, (2, 5, 6))
    assert set(zip(image, row, column, strict=True)) == {
        (i, r, c) for i in range(2) for r in range(3) for c in range(4)
    }


def test_patches_are_unit_images_of_all_channels_the_same_for_a_seed():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    patches = random_patches(images, 2, 10, seed=(0, 1))
    assert (patches.shape, patches.dtype) == ((10, 12), np.float32)
    assert 0 <= patches.min() <= patches.max() <= 1
    np.testing.assert_array_equal(patches, random_patches(images, 2, 10, seed=(0, 1)))
    assert not np.array_equal(patches, random_patches(images, 2, 10, seed=(0, 2)))


def test_a_patch_may_be_the_whole_image():
    images = np.full((2, 4, 4, 1), 51, np.uint8)
    np.testing.assert_allclose(random_patches(images, 4, 3, seed=0), 0.2, rtol=1e-6)
