"""Defaults of a distillation, its sections, and the options that a baseline shares."""

import dataclasses
import json

from mosaickd_tf import config
from mosaickd_tf.config import (
    DistillConfig,
    MethodConfig,
    OptimizationConfig,
    TeacherTrainingConfig,
    declared,
    with_options,
)
from mosaickd_tf.config.distillation import PAPER_BATCH_SIZE, PAPER_ROUNDS
from mosaickd_tf.methods.fitnet import HintConfig
from mosaickd_tf.methods.mosaic import MosaicConfig

# arXiv 2110.15094 and the official scripts for CIFAR-100; of baselines those of their papers.
PUBLISHED = {
    "method": "mosaic",
    "student": "wrn16_1",
    "rounds": 39200,
    "batch_size": 256,
    "student_steps_per_round": 5,
    "student_optimizer": "sgd",
    "student_learning_rate": 0.1,
    "student_momentum": 0.9,
    "weight_decay": 1e-4,
    "generator_learning_rate": 1e-3,
    "temperature": 1.0,
    "noise_dim": 100,
    "generator_filters": 64,
    "discriminator_filters": 128,
    "patch_size": 0,  # 10 for images of 32 pixels
    "patch_crops": 0,
    "local_weight": 1.0,
    "align_weight": 1.0,
    "adversarial_weight": 1.0,
    "balance_weight": 10.0,
    "fitnet_hint_weight": 100.0,
    "rkd_distance_weight": 25.0,
    "rkd_angle_weight": 50.0,
    "crd_weight": 0.8,
    "crd_negatives": 16384,
    "sskd_teacher_share": 0.2,
    "sskd_transformed_weight": 2.7,
    "sskd_transformed_share": 1.0,
    "sskd_similarity_weight": 10.0,
    "sskd_similarity_share": 0.75,
    "student_images": "both",
    "statistics_weight": 0.0,
    "statistics_distance": "norm",
    "recipe": "auto",
    "student_stride": 0,
    "generator_warmup": 0.0,
    "replay_images": 0,
    # arXiv 1904.01186 and 1905.09768
    "dafl_one_hot_weight": 1.0,
    "dafl_activation_weight": 0.1,
    "dafl_balance_weight": 5.0,
    "zskt_attention_weight": 250.0,
    "teacher_epochs": 200,
    "teacher_batch_size": 128,
    "teacher_learning_rate": 0.1,
    "teacher_weight_decay": 5e-4,
}


def test_defaults_are_the_published_recipe():
    options = dict(config.options(DistillConfig()))
    assert (options["rounds"], options["batch_size"]) == (0, 0)  # the published ones, or what fits
    options |= {"rounds": PAPER_ROUNDS, "batch_size": PAPER_BATCH_SIZE}
    assert {name: options[name] for name in PUBLISHED} == PUBLISHED


def test_a_baseline_takes_its_own_tuning_and_nothing_else():
    given = DistillConfig(
        method=MethodConfig(
            compare_with=("kd",), baseline_learning_rate=0.02, baseline_temperature=4.0
        )
    )
    made = config.as_baseline(given, "kd")
    assert made.method.method == "kd" and made.method.compare_with == ()
    assert made.optimization == dataclasses.replace(
        given.optimization, student_learning_rate=0.02, temperature=4.0
    )
    assert made.data == given.data and made.run == given.run
    assert made.methods == given.methods


def test_a_baseline_without_tuning_of_its_own_shares_that_of_the_method():
    given = DistillConfig(optimization=OptimizationConfig(temperature=3.0))
    assert config.as_baseline(given, "kd").optimization == given.optimization


def test_sections_are_those_of_the_config_and_of_the_files_of_methods():
    types = config.section_types(DistillConfig)
    own = ["data", "method", "teacher", "networks", "optimization", "run", "export", "compression"]
    assert set(types) == {*own, *declared.method_sections()}
    assert list(map(type, config.sections(DistillConfig()))) == list(types.values())
    assert set(config.section_types(TeacherTrainingConfig)) == {"data", "teacher", "run"}


def test_sections_of_methods_that_are_not_given_have_their_defaults():
    made = DistillConfig(methods={"fitnet": HintConfig(hint_weight=7.0)})
    assert set(made.methods) == set(declared.method_sections())
    assert made.methods["fitnet"].hint_weight == 7.0
    assert made.methods["mosaic"] == MosaicConfig()


def test_a_config_comes_back_from_its_sections():
    given = DistillConfig(
        method=MethodConfig(method="fitnet"), methods={"fitnet": HintConfig(hint_weight=7.0)}
    )
    sections = dict(zip(config.section_types(DistillConfig), config.sections(given), strict=True))
    assert config.from_sections(DistillConfig, sections) == given
    assert config.from_sections(DistillConfig, {}) == DistillConfig()
    assert config.from_sections(TeacherTrainingConfig, {}) == TeacherTrainingConfig()


def test_a_config_comes_back_from_its_options():
    given = DistillConfig(
        method=MethodConfig(method="mosaic", compare_with=("kd",)),
        methods={"mosaic": MosaicConfig(local_weight=0.5, student_images="ood")},
    )
    kept = json.loads(json.dumps(dict(config.options(given))))
    assert config.from_options(DistillConfig, kept) == given
    assert config.from_options(DistillConfig, {}) == DistillConfig()


def test_options_of_a_method_are_changed_by_the_name_of_its_file():
    changed = with_options(DistillConfig(), mosaic={"align_weight": 2.0}, run={"seed": 7})
    assert changed.methods["mosaic"].align_weight == 2.0 and changed.run.seed == 7
    assert changed.methods | {"mosaic": None} == DistillConfig().methods | {"mosaic": None}
