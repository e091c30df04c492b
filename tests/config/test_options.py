"""Values that options may take, how others are refused, and how options are kept."""

import dataclasses
import json

import pytest

from mosaickd_tf import config
from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    ExportConfig,
    MethodConfig,
    NetworksConfig,
    OptimizationConfig,
    RunConfig,
    TeacherConfig,
    TeacherTrainingConfig,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.crd import ContrastiveConfig
from mosaickd_tf.methods.deep_inversion import DeepInversionConfig
from mosaickd_tf.methods.dro_ood import RobustConfig
from mosaickd_tf.methods.mosaic import MosaicConfig
from mosaickd_tf.methods.sskd import SelfSupervisedConfig
from mosaickd_tf.methods.statistics import StatisticsConfig

# section, arguments, name of the flag, expected, received
WRONG = [
    (OptimizationConfig, {"rounds": -1}, "rounds", "at least 0", "-1"),
    (OptimizationConfig, {"batch_size": 1}, "batch_size", "at least 2", "1"),
    (OptimizationConfig, {"student_learning_rate": 0.0}, "student_learning_rate", "above 0", "0.0"),
    (OptimizationConfig, {"weight_decay": -1e-4}, "weight_decay", "at least 0", "-0.0001"),
    (OptimizationConfig, {"student_momentum": 1.0}, "student_momentum", "at most 0.999", "1.0"),
    (OptimizationConfig, {"temperature": 0.0}, "temperature", "above 0", "0.0"),
    (MosaicConfig, {"local_weight": -1.0}, "local_weight", "at least 0", "-1.0"),
    (MosaicConfig, {"balance_weight": -1.0}, "balance_weight", "at least 0", "-1.0"),
    (RobustConfig, {"robustness": 0.0}, "dro_ood_robustness", "above 0", "0.0"),
    (ContrastiveConfig, {"negatives": 0}, "crd_negatives", "at least 1", "0"),
    (SelfSupervisedConfig, {"teacher_share": 1.0}, "sskd_teacher_share", "at most 0.9", "1.0"),
    (DataConfig, {"task": "many"}, "task", "single_label, multi_label", "many"),
    (DataConfig, {"image_size": 7}, "image_size", "at least 8", "7"),
    (DataConfig, {"channels": 2}, "channels", "1, 3", "2"),
    (DataConfig, {"ood_fit": "stretch"}, "ood_fit", "resize, crops", "stretch"),
    (DataConfig, {"validation_fraction": 0.6}, "validation_fraction", "at most 0.5", "0.6"),
    (TeacherConfig, {"teacher_mean": (0.5, 1.5)}, "teacher_mean", "at most 1.0", "1.5"),
    (TeacherConfig, {"teacher_std": (0.5, 0.0)}, "teacher_std", "above 0", "0.0"),
    (TeacherConfig, {"teacher_input": "raw"}, "teacher_input", "unit, signed, bytes", "raw"),
    (NetworksConfig, {"patch_crops": -1}, "patch_crops", "at least 0", "-1"),
    (MosaicConfig, {"student_images": "all"}, "student_images", "both, synthetic, ood", "all"),
    (StatisticsConfig, {"statistics_weight": -1}, "statistics_weight", "at least 0", "-1"),
    (DeepInversionConfig, {"steps": 0}, "deep_inversion_steps", "at least 1", "0"),
    (MethodConfig, {"method": "magic"}, "method", "balanced, crd", "magic"),
    (MethodConfig, {"compare_with": ("kd", "magic")}, "compare_with", "balanced, crd", "magic"),
    (ExportConfig, {"exports": ("keras", "onnx")}, "exports", "keras, saved_model", "onnx"),
    (RunConfig, {"precision": "int8"}, "precision", "float32, mixed_bfloat16", "int8"),
    (RunConfig, {"seed": -1}, "seed", "at least 0", "-1"),
]


@pytest.mark.parametrize(
    "section, arguments, name, expected, received", WRONG, ids=[row[2] for row in WRONG]
)
def test_a_value_out_of_range_is_refused_in_one_line(section, arguments, name, expected, received):
    with pytest.raises(RequestError) as caught:
        section(**arguments)
    message = str(caught.value)
    assert f"`{name}`" in message
    assert expected in message
    assert message.endswith(f"Received: {name}={received}")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["student_learning_rate", "weight_decay", "temperature"])
def test_a_number_that_is_not_finite_is_refused(name, number):
    with pytest.raises(RequestError, match=f"`{name}` .*Expected a finite number"):
        OptimizationConfig(**{name: number})


@pytest.mark.parametrize(
    "section, arguments",
    [
        (OptimizationConfig, {"rounds": 1, "batch_size": 2, "student_momentum": 0.999}),
        (MosaicConfig, {f"{x}_weight": 0.0 for x in ("local", "align", "adversarial", "balance")}),
        (DataConfig, {"image_size": 8, "channels": 1, "validation_fraction": 0.5}),
        (ExportConfig, {"exports": ()}),
        (MethodConfig, {"compare_with": ("kd",)}),
    ],
)
def test_the_ends_of_the_ranges_are_allowed(section, arguments):
    made = section(**arguments)
    assert {name: getattr(made, name) for name in arguments} == arguments


@pytest.mark.parametrize("whole", [DistillConfig, TeacherTrainingConfig])
def test_every_option_has_a_name_of_its_own_and_a_help_text(whole):
    names = [name for name, _ in config.options(whole())]
    assert len(names) == len(set(names))
    for section in config.sections(whole()):
        assert section.__doc__
        for field in dataclasses.fields(section):
            assert field.metadata["help"].endswith(".")


def test_a_section_comes_back_from_its_options():
    made = MethodConfig(method="kd", compare_with=("dafl",), student_layers=("a", "b"))
    kept = json.loads(json.dumps(dict(config.options(DistillConfig(method=made)))))
    assert config.section_from_options(MethodConfig, kept) == made
    negatives = ContrastiveConfig(negatives=5)  # its flags have other names
    kept = dict(config.options(DistillConfig(methods={"crd": negatives})))
    assert kept["crd_negatives"] == 5
    assert config.section_from_options(ContrastiveConfig, kept) == negatives


def test_options_that_were_not_kept_are_at_their_defaults():
    section = config.section_from_options(ExportConfig, {"outputs": "logits", "unknown": 1})
    assert section == ExportConfig(outputs="logits")


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        OptimizationConfig().rounds = 5
