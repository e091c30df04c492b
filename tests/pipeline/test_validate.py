"""A request is checked, and its data read, before anything is written."""

import dataclasses

import pytest

from mosaickd_tf import models
from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    ExportConfig,
    MethodConfig,
    OptimizationConfig,
    PlayersConfig,
    RunConfig,
    TeacherConfig,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import validate
from tests import tiny

CONFIG = DistillConfig(
    data=DataConfig(
        target_dataset="embedded:digits",
        ood_dataset="embedded:photos",
        image_size=8,
        channels=1,
        ood_fit="crops",
        ood_crops_per_picture=16,
        validation_fraction=0.25,
    ),
    teacher=TeacherConfig(teacher="wrn10_1"),
    players=PlayersConfig(
        student="wrn10_1",
        patch_size=4,
        noise_dim=8,
        generator_filters=4,
        discriminator_filters=4,
    ),
    optimization=OptimizationConfig(rounds=7, batch_size=4),
    method=MethodConfig(compare_with=("kd",)),
    run=RunConfig(precision="float32"),
)


def changed(topic, **options):
    return dataclasses.replace(
        CONFIG, **{topic: dataclasses.replace(getattr(CONFIG, topic), **options)}
    )


def refusal(config):
    with pytest.raises(RequestError) as caught:
        validate.validate_and_load(config)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_the_data_are_read_and_a_teacher_by_name_waits_for_its_training():
    target, ood, teacher = validate.validate_and_load(CONFIG)
    assert [len(part) for part in (target.train, target.validation, target.test)] == [900, 300, 597]
    assert len(ood) == 32  # 16 crops of two photographs
    assert teacher is None


@pytest.mark.parametrize(
    ("method", "ood", "calibration", "lacks"),
    [
        ("kd", "embedded:photos", "synthetic", "a generator"),
        ("dafl", "", "mixed", "OOD images"),
    ],
)
def test_integers_without_images_to_calibrate_with_are_refused(method, ood, calibration, lacks):
    config = dataclasses.replace(
        changed("data", ood_dataset=ood),
        method=MethodConfig(method=method),
        export=ExportConfig(exports=("tflite_int8",), calibration=calibration),
    )
    assert f"Expected {lacks}" in refusal(config)


def test_a_teacher_from_a_file_is_loaded(tmp_path):
    given = tiny.classifier(input_shape=(8, 8, 1))
    given.save(tmp_path / "teacher.keras")
    *_, teacher = validate.validate_and_load(
        changed("teacher", teacher=str(tmp_path / "teacher.keras"))
    )
    assert tiny.same_bits(tiny.values(teacher), tiny.values(given))


def test_the_plan_tells_parts_players_and_rounds():
    student = models.build_classifier("wrn10_1", num_classes=10, input_shape=(8, 8, 1))
    lines = validate.plan(CONFIG).splitlines()
    assert lines[:4] == [
        "target, train: 900 images",
        "target, validation: 300 images",
        "target, test: 597 images",
        "OOD: 32 images",
    ]
    assert [line.split(":")[0] for line in lines[4:8]] == [
        "teacher",
        "student",
        "generator",
        "discriminator",
    ]
    assert lines[5] == f"student: wrn10_1, {models.parameters(student):,} parameters"
    assert lines[-1] == "mosaic: 7 rounds of batch 4 in float32"


@pytest.mark.parametrize("method, compared", [("mosaic", ()), ("dafl", ("kd",))])
def test_a_method_on_pictures_needs_pictures(method, compared):
    config = dataclasses.replace(
        changed("data", ood_dataset=""), method=MethodConfig(method=method, compare_with=compared)
    )
    needy = compared[0] if compared else method
    assert f"`ood_dataset` is needed: --method={needy} learns from OOD images" in refusal(config)


@pytest.mark.parametrize(
    ("name", "value", "method", "compared"),
    [
        ("generator_restart_every", 7, "mosaic", ()),
        ("generator_restart_every", 7, "kd", ("dafl",)),
        ("adversarial_warmup", 8, "mosaic", ()),
        ("deep_inversion_steps", 8, "deep_inversion", ()),
        ("deep_inversion_steps", 8, "mosaic", ("deep_inversion",)),
    ],
)
def test_what_a_short_game_never_comes_to_is_refused(name, value, method, compared):
    topic = "data_free" if name.startswith("deep") else "extensions"
    played = MethodConfig(method=method, compare_with=compared)
    config = dataclasses.replace(changed(topic, **{name: value}), method=played)
    assert f"Received: {name}={value}" in refusal(config)
    validate.check_long_enough(
        dataclasses.replace(changed(topic, **{name: value - 1}), method=played)
    )
    others = dataclasses.replace(config, method=MethodConfig(method="crd"))
    validate.check_long_enough(others)  # which never ask for it


def test_a_method_without_pictures_needs_none():
    config = dataclasses.replace(
        changed("data", ood_dataset=""), method=MethodConfig(method="dafl")
    )
    assert validate.validate_and_load(config)[1] is None


def test_no_teacher_is_refused():
    assert "`teacher` is needed" in refusal(changed("teacher", teacher=""))


def test_a_baseline_that_cannot_play_is_noticed_before_the_method_has_played(tmp_path):
    """FitNet compares maps of stages, which this teacher does not have."""
    tiny.plain_players()["teacher"].save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        CONFIG,
        data=dataclasses.replace(CONFIG.data, channels=3, target_dataset=""),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
        method=MethodConfig(compare_with=("fitnet",)),
    )
    assert "--teacher_layers" in refusal(config)
