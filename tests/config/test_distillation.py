"""The defaults of a distillation, and what of it a baseline shares."""

import dataclasses

from mosaickd_tf import config
from mosaickd_tf.config import DistillConfig, MethodConfig, OptimizationConfig

# arXiv 2110.15094 and the official scripts for CIFAR-100; of baselines those of their papers.
PUBLISHED = {
    "method": "mosaic",
    "student": "wrn16_1",
    "image_size": 32,
    "channels": 3,
    "batch_size": 256,
    "student_steps_per_round": 5,
    "student_learning_rate": 0.1,
    "student_momentum": 0.9,
    "weight_decay": 1e-4,
    "generator_learning_rate": 1e-3,
    "temperature": 1.0,
    "noise_dim": 100,
    "generator_filters": 64,
    "discriminator_filters": 128,
    "patch_size": 10,
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
    "memory_size": 0,
    "generator_restart_every": 0,
    "generator_steps_per_round": 1,
    "conditional_weight": 0.0,
    "adversarial_warmup": 0,
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
    asked = dict(config.options(DistillConfig()))
    assert {name: asked[name] for name in PUBLISHED} == PUBLISHED


def test_a_baseline_takes_its_own_tuning_and_nothing_else():
    asked = DistillConfig(
        method=MethodConfig(
            compare_with=("kd",), baseline_learning_rate=0.02, baseline_temperature=4.0
        )
    )
    made = config.as_baseline(asked, "kd")
    assert made.method.method == "kd" and made.method.compare_with == ()
    assert made.optimization == dataclasses.replace(
        asked.optimization, student_learning_rate=0.02, temperature=4.0
    )
    assert made.data == asked.data and made.run == asked.run


def test_a_baseline_without_tuning_of_its_own_shares_that_of_the_method():
    asked = DistillConfig(optimization=OptimizationConfig(temperature=3.0))
    assert config.as_baseline(asked, "kd").optimization == asked.optimization
