"""Recipes: when which one is taken, what it changes and what it leaves alone."""

import dataclasses

import pytest
import tensorflow as tf
from keras import Input, Model, layers

from mosaickd_tf.config import DistillConfig, MethodConfig, options, with_options
from mosaickd_tf.pipeline.recipe import with_recipe
from tests.pipeline.small_run import refusal

SHORT = {
    "recipe": "short",
    "statistics_weight": 35.0,  # 70 of the mean over both layers
    "statistics_distance": "kl",
    "local_weight": 0.004,
    "align_weight": 3.0,
    "adversarial_weight": 0.0,
    "transform_synthetic": True,
    "photometric_augmentation": True,
    "generator_warmup": 0.5,
    "replay_images": 16384,
    "generator_filters": 16,
    "discriminator_filters": 32,
    "generator_learning_rate": 0.004,
    "student_optimizer": "adam",
    "student_learning_rate": 0.004,
}


def teacher(with_norm=True):
    inputs = hidden = Input((8, 8, 1))
    if with_norm:
        hidden = layers.BatchNormalization()(layers.BatchNormalization()(hidden))
    return Model(inputs, layers.Dense(3)(layers.Flatten()(hidden)))


def changes(before, after):
    before, after = dict(options(before)), dict(options(after))
    return {name: value for name, value in after.items() if value != before[name]}


DEFAULTS = with_options(
    DistillConfig(), data={"image_size": 32, "channels": 1}, networks={"student": "wrn10_1"}
)


def test_open_rounds_without_a_gpu_take_the_short_recipe():
    config = with_recipe(DEFAULTS, teacher(), rounds_are_open=True)
    assert changes(DEFAULTS, config) == SHORT | {"student_stride": 1}


@pytest.mark.parametrize(
    "config, norm, rounds_are_open",
    [
        (DEFAULTS, True, False),
        (DEFAULTS, False, True),
        (dataclasses.replace(DEFAULTS, method=MethodConfig(method="kd")), True, True),
        (with_options(DEFAULTS, optimization={"recipe": "paper"}), True, True),
    ],
)
def test_all_others_take_the_paper_s(config, norm, rounds_are_open):
    found = with_recipe(config, teacher(norm), rounds_are_open)
    assert found == with_options(config, optimization={"recipe": "paper"})


def test_a_gpu_takes_the_paper_s(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    config = with_recipe(DEFAULTS, teacher(), rounds_are_open=True)
    assert config.optimization.recipe == "paper"


def test_a_recipe_by_name_is_taken_with_rounds_too_and_twice_is_once():
    named = with_options(DEFAULTS, optimization={"recipe": "short", "rounds": 7})
    config = with_recipe(named, teacher(), rounds_are_open=False)
    assert changes(named, config) | {"recipe": "short"} == SHORT | {"student_stride": 1}
    assert with_recipe(config, teacher(), rounds_are_open=False) == config


def test_options_that_are_not_at_their_defaults_stay():
    mosaic = dataclasses.replace(DEFAULTS.methods["mosaic"], local_weight=0.5)
    config = dataclasses.replace(DEFAULTS, methods=DEFAULTS.methods | {"mosaic": mosaic})
    config = with_options(config, networks={"generator_filters": 48, "student_stride": 4})
    found = dict(options(with_recipe(config, teacher(), rounds_are_open=True)))
    kept = {"local_weight": 0.5, "generator_filters": 48, "student_stride": 4}
    assert {name: found[name] for name in SHORT | kept} == SHORT | kept


@pytest.mark.parametrize("name, value", [("student_learning_rate", 0.2), ("student_momentum", 0.5)])
def test_a_student_whose_sgd_was_tuned_keeps_it(name, value):
    tuned = with_options(DEFAULTS, optimization={name: value})
    found = with_recipe(tuned, teacher(), rounds_are_open=True).optimization
    rate = value if name == "student_learning_rate" else 0.1
    assert (found.student_optimizer, found.student_learning_rate) == ("sgd", rate)


def test_known_logits_of_views_are_not_made_useless():
    config = with_options(DEFAULTS, data={"views": 8})
    found = with_recipe(config, teacher(), rounds_are_open=True)
    assert not found.methods["mosaic"].photometric_augmentation


@pytest.mark.parametrize(
    "size, channels, expected",
    [
        (32, 1, 16384),
        (64, 3, 16384),
        (96, 3, 9709),  # 2^28 / (96 · 96 · 3)
        (224, 3, 1783),
    ],
)
def test_the_images_that_are_kept_fit_into_256_mebibytes(size, channels, expected):
    config = with_options(DEFAULTS, data={"image_size": size, "channels": channels})
    config = with_recipe(config, teacher(), rounds_are_open=True)
    assert config.methods["mosaic"].replay_images == expected


@pytest.mark.parametrize(
    "size, student, expected",
    [
        (32, "wrn16_2", 1),
        (56, "wrn16_2", 1),
        (64, "wrn10_1", 2),
        (96, "wrn10_1", 2),
        (128, "wrn10_1", 4),
        (224, "wrn10_1", 4),
        (512, "wrn10_1", 4),
        ((32, 64), "wrn10_1", 2),
        (224, "mobilenet_v3_small", 0),
        (224, "student.keras", 0),
    ],
)
def test_the_stride_of_a_student_grows_with_the_images(size, student, expected):
    config = with_options(DEFAULTS, data={"image_size": size}, networks={"student": student})
    config = with_recipe(config, teacher(), rounds_are_open=True)
    assert config.networks.student_stride == expected


@pytest.mark.parametrize(
    "method, norm, received", [("kd", True, "`method`=kd"), ("mosaic", False, "0 such layers")]
)
def test_the_short_recipe_is_refused_where_it_is_not_for(method, norm, received):
    config = with_options(DEFAULTS, optimization={"recipe": "short"})
    config = dataclasses.replace(config, method=MethodConfig(method=method))
    message = refusal(with_recipe, config, teacher(norm), False)
    assert received in message and "Set `recipe`=paper" in message


def test_what_was_set_is_logged_as_flags(caplog):
    with caplog.at_level("INFO", "mosaickd_tf"):
        with_recipe(DEFAULTS, teacher(), rounds_are_open=True)
    (message,) = caplog.messages
    assert "--local_weight=0.004" in message and "--transform_synthetic=true" in message
