"""Patches: how many the discriminator classifies, crops of images, their term."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.models import build_patch_discriminator
from tests import tiny
from tests.methods.harness import all_of, build, changed, run_round


def undecided(mosaic):
    """Sets all logits of the discriminator to zero, until its update."""
    head = mosaic.discriminator.get_layer("patch_logits")
    head.kernel.assign(tf.zeros_like(head.kernel))
    return mosaic


def crop_networks():
    """Builds networks whose discriminator takes crops of 4×4 pixels."""
    critic = build_patch_discriminator(image_size=4, patch_size=4, base_filters=4)
    return tiny.networks() | {"discriminator": critic}


def test_an_undecided_discriminator_costs_ln2_for_each_of_16_patches():
    terms = run_round(undecided(build("mosaic", networks_=tiny.networks())))
    assert terms["patch_discrimination_loss"] == pytest.approx(16 * math.log(2), rel=1e-5)


def test_an_undecided_discriminator_of_3_crops_costs_ln2_for_each_crop():
    mosaic = undecided(build("mosaic", networks_=crop_networks(), patch_crops=3))
    terms = run_round(mosaic)
    assert terms["patch_discrimination_loss"] == pytest.approx(3 * math.log(2), rel=1e-5)


def test_crops_have_a_logit_each_image_by_image():
    mosaic = build("mosaic", networks_=crop_networks(), patch_crops=5)
    assert mosaic.patch_logits(tf.constant(tiny.batch()["patch_images"]), 1).shape == (4, 5)


def test_a_round_with_crops_changes_all_networks_but_the_teacher():
    mosaic = build("mosaic", networks_=crop_networks(), patch_crops=2)
    moved = changed(mosaic, lambda: run_round(mosaic))
    assert moved == all_of("student", "generator", "discriminator")


def test_discriminator_and_generator_see_the_same_crops_of_an_image(monkeypatch):
    mosaic = build("mosaic", networks_=crop_networks(), patch_crops=2)
    images, seen = mosaic.generator(mosaic.noise(4, 0), training=True), []
    call = mosaic.discriminator.call
    monkeypatch.setattr(
        mosaic.discriminator, "call", lambda x, **k: (seen.append(x.numpy()), call(x, **k))[1]
    )
    mosaic.update_discriminator(images, images)
    mosaic.generator_loss(images)
    real, fake, of_generator = seen
    np.testing.assert_array_equal(fake, of_generator)
    assert (real != fake).any()


@pytest.mark.parametrize("patch_crops, expected", [(0, 9), (3, 27)])
def test_the_number_of_patches_of_an_image(patch_crops, expected):
    """A 4×4 kernel of stride 2 on 8×8 pixels has 3×3 places."""
    assert build("mosaic", patch_crops=patch_crops).patches == expected


def test_the_number_of_patches_of_a_discriminator_of_unknown_shape_is_unknown():
    networks = tiny.plain_networks()
    networks["discriminator"] = tiny.Subclassed(networks["discriminator"])
    assert build("mosaic", networks_=networks).patches is None
