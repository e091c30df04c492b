"""Networks that fit together are trained; those that do not are refused with both shapes."""

import keras
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.models import build_generator, build_patch_discriminator
from tests import tiny
from tests.methods.harness import all_of, build, changed, run_round


def test_a_generator_of_other_images_is_refused():
    generator = build_generator(image_size=12, noise_dim=6, base_filters=4)
    with pytest.raises(RequestError, match=r"\(8, 8, 3\)\. Received: \(12, 12, 3\)"):
        MosaicDistiller(**(tiny.networks() | {"generator": generator}))


@pytest.mark.parametrize("side", [4, 12])
def test_a_discriminator_of_other_images_is_refused(side):
    critic = build_patch_discriminator(image_size=side, patch_size=4, base_filters=4)
    with pytest.raises(RequestError, match=rf"\(8, 8, 3\).*Received: \({side}, {side}, 3\)"):
        MosaicDistiller(**(tiny.networks() | {"discriminator": critic}))


def test_crops_larger_than_the_images_are_refused():
    critic = build_patch_discriminator(image_size=12, patch_size=4, base_filters=4)
    with pytest.raises(RequestError, match="at most the images' 8 pixels"):
        MosaicDistiller(**(tiny.networks() | {"discriminator": critic}), patch_crops=2)


def test_crops_of_other_channels_than_the_images_are_refused():
    critic = build_patch_discriminator(image_size=4, channels=1, patch_size=4, base_filters=4)
    with pytest.raises(RequestError, match="channels|input shape"):
        MosaicDistiller(**(tiny.networks() | {"discriminator": critic}), patch_crops=2)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_network_without_variables_yet_is_refused_by_its_name(name):
    unbuilt = keras.Sequential([keras.layers.Dense(5)])
    with pytest.raises(RequestError, match=f"must be built.*a {name} that"):
        MosaicDistiller(**(tiny.plain_networks() | {name: unbuilt}))


def test_subclassed_networks_are_trained_when_noise_and_crops_are_described():
    networks = tiny.plain_networks()
    networks["discriminator"] = tiny.plain_networks(image_size=4)["discriminator"]
    described = {"patch_crops": 2, "noise_dim": 6, "crop_size": 4}
    wrapped = {name: tiny.Subclassed(model) for name, model in networks.items()}
    mosaic = build("mosaic", networks_=wrapped, **described)
    moved = changed(mosaic, lambda: run_round(mosaic))
    assert moved == all_of("student", "generator", "discriminator")


@pytest.mark.parametrize(
    ("name", "arguments", "missing"),
    [("generator", {}, "noise_dim"), ("discriminator", {"patch_crops": 2}, "crop_size")],
)
def test_a_subclassed_network_that_needs_a_description_is_refused_without(name, arguments, missing):
    networks = tiny.plain_networks()
    networks[name] = tiny.Subclassed(networks[name])
    with pytest.raises(RequestError, match=missing):
        MosaicDistiller(**networks, **arguments)


def test_a_student_of_other_classes_is_refused():
    with pytest.raises(RequestError, match="same output shape"):
        MosaicDistiller(**(tiny.networks() | {"student": tiny.classifier(num_classes=9)}))
