"""Patch losses against hand values, saturation and gradient directions."""

import math

import numpy as np

from mosaickd_tf import losses
from tests.losses import FAKE, REAL, close, gradients


def test_patch_discrimination_of_an_undecided_discriminator_is_ln2_for_each_patch():
    close(
        losses.patch_discrimination_loss(np.zeros((3, 2, 2, 1)), np.zeros((3, 2, 2, 1))),
        4 * math.log(2),
    )


def test_patch_discrimination_is_the_mean_of_its_two_sides():
    # sigmoid(ln 3) = 3/4: the real patch costs ln(4/3); the synthetic one, at 1/2, costs ln 2.
    value = losses.patch_discrimination_loss(np.full((1, 1), math.log(3)), np.zeros((1, 1)))
    close(value, 0.5 * (math.log(4 / 3) + math.log(2)))


def test_patch_discrimination_sums_patches_and_averages_images():
    real, fake = np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 1))
    value = losses.patch_discrimination_loss(real, fake)
    close(value, 16 * losses.patch_discrimination_loss(real[:, :1, :1], fake[:, :1, :1]))


def test_patch_discrimination_of_saturated_logits_is_zero_when_right_and_linear_when_wrong():
    ones = np.full((2, 3), 1e4)
    close(losses.patch_discrimination_loss(ones, -ones), 0.0)
    close(losses.patch_discrimination_loss(-ones, ones), 3e4)


def test_patch_discrimination_pushes_real_logits_up_and_synthetic_ones_down():
    real, fake = gradients(losses.patch_discrimination_loss, REAL, FAKE)
    assert (real < 0).all() and (fake > 0).all()


def test_local_patch_loss_by_hand():
    # sigmoid(ln 3) = 3/4 on each of four patches of one image, 1/2 on those of the other.
    logits = np.stack([np.full((2, 2, 1), math.log(3)), np.zeros((2, 2, 1))])
    close(losses.local_patch_loss(logits), (4 * math.log(4 / 3) + 4 * math.log(2)) / 2)


def test_local_patch_loss_sums_patches_however_they_are_arranged():
    close(losses.local_patch_loss(FAKE.reshape(6, 6)), losses.local_patch_loss(FAKE))
    twice = np.concatenate([FAKE, FAKE], axis=1)
    close(losses.local_patch_loss(twice), 2 * losses.local_patch_loss(FAKE))


def test_local_patch_loss_of_saturated_logits():
    close(losses.local_patch_loss(np.full((2, 3), 1e4)), 0.0)
    close(losses.local_patch_loss(np.full((2, 3), -1e4)), 3e4)


def test_local_patch_loss_pushes_synthetic_logits_up():
    (gradient,) = gradients(losses.local_patch_loss, FAKE)
    assert (gradient < 0).all()


def test_local_patch_loss_and_the_discriminator_s_fake_side_have_opposite_gradients():
    (fooling,) = gradients(losses.local_patch_loss, np.zeros((1, 1)))
    _, discriminating = gradients(
        losses.patch_discrimination_loss, np.zeros((1, 1)), np.zeros((1, 1))
    )
    close(fooling, [[-0.5]])
    close(discriminating, [[0.25]])
