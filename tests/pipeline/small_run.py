"""Smallest request that runs every stage: digits, crops of photographs, WRN-10-1 twice."""

import dataclasses

import pytest

from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    ExportConfig,
    MethodConfig,
    NetworksConfig,
    OptimizationConfig,
    RunConfig,
    TeacherConfig,
)
from mosaickd_tf.errors import RequestError

CONFIG = DistillConfig(
    data=DataConfig(
        target_dataset="embedded:digits",
        ood_dataset="embedded:photos",
        image_size=8,
        channels=1,
        ood_fit="crops",
        ood_crops_per_picture=32,
    ),
    teacher=TeacherConfig(teacher="wrn10_1", teacher_epochs=1, teacher_batch_size=64),
    networks=NetworksConfig(
        student="wrn10_1",
        patch_size=4,
        noise_dim=8,
        generator_filters=4,
        discriminator_filters=4,
    ),
    optimization=OptimizationConfig(rounds=2, batch_size=4, student_steps_per_round=1),
    method=MethodConfig(compare_with=("kd",)),
    run=RunConfig(precision="float32"),
    export=ExportConfig(exports=("keras",)),
)


# As the documentation lists them.
RESULT_KEYS = {
    "method",
    "task",
    "config",
    "command",
    "inputs",
    "commit",
    "machine",
    "seed",
    "precision",
    "rounds",
    "seconds",
    "images_per_second",
    "teacher",
    "student",
    "baselines",
    "agreement",
    "selection",
    "divergence",
    "skipped_updates",
    "ood_subset",
    "exports",
}


class Stopped(Exception):
    """Ends a run where a test has seen enough."""


def stop(*_, **__):
    """Ends a run, in place of one of its functions."""
    raise Stopped


def changed(section, config=CONFIG, **options):
    """Returns a config with other options in one of its sections."""
    section_of_config = dataclasses.replace(getattr(config, section), **options)
    return dataclasses.replace(config, **{section: section_of_config})


def refusal(call, *arguments, **options):
    """Returns the error of a call that has to refuse its arguments, one line."""
    with pytest.raises(RequestError) as caught:
        call(*arguments, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)
