"""The plan of a run: what it says of data, networks, memory and time."""

import dataclasses

from mosaickd_tf import models
from mosaickd_tf.config import MethodConfig, TeacherConfig
from mosaickd_tf.pipeline import dry_run
from mosaickd_tf.pipeline.dry_run import describe, describe_trial
from mosaickd_tf.pipeline.trial import Trial
from mosaickd_tf.pipeline.validate import validate_and_load
from tests import tiny
from tests.pipeline.small_run import CONFIG, changed

CONFIG = changed("data", CONFIG, ood_crops_per_picture=16, validation_fraction=0.25)
CONFIG = changed("optimization", CONFIG, rounds=7)


def test_the_description_lists_splits_networks_and_rounds():
    student = models.build_classifier("wrn10_1", num_classes=10, input_shape=(8, 8, 1))
    lines = describe(validate_and_load(CONFIG)).splitlines()
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
    assert lines[5] == (
        f"student: wrn10_1, {models.parameters(student):,} parameters, "
        f"{models.macs(student):,} multiply-accumulates an image"
    )
    assert lines[8:] == [
        "mosaic: 7 rounds of batch 4 in float32",
        "kd: 7 rounds of batch 4 in float32",
    ]


def test_the_description_leaves_out_data_and_networks_that_are_not_used(tmp_path):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        changed("data", CONFIG, target_dataset="", ood_dataset=""),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
    )
    lines = describe(
        validate_and_load(
            dataclasses.replace(config, method=MethodConfig(method="dafl", compare_with=()))
        )
    ).splitlines()
    assert [line.split(":")[0] for line in lines] == ["teacher", "student", "generator", "dafl"]


def test_the_time_of_a_run_is_that_of_its_rounds(monkeypatch):
    """1.5 s a round of the first method and 0.5 s of the second, 7,200 rounds each."""
    prepared = validate_and_load(changed("optimization", CONFIG, rounds=7200))
    seconds = {"mosaic": 1.5, "kd": 0.5}
    monkeypatch.setattr(
        dry_run,
        "run_trial",
        lambda method, _: Trial(seconds_per_round=seconds[method.name], peak_bytes=3 * 2**29),
    )
    assert describe_trial(prepared).splitlines() == [
        "mosaic: 1.5 s a round, 3.0 h in all",
        "kd: 0.5 s a round, 60 min in all",
        "all methods: 4.0 h",
        "peak memory: 1.5 GiB; evaluations, exports and the training of a teacher by name add to "
        "the time",
    ]
