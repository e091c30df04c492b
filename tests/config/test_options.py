"""What can be asked for, and how a wrong request is refused."""

import dataclasses
import json

import pytest

from mosaickd_tf import config
from mosaickd_tf.config import (
    BaselineTerms,
    DataConfig,
    DataFreeTerms,
    DistillConfig,
    ExportConfig,
    ExtensionConfig,
    LossWeights,
    MethodConfig,
    OptimizationConfig,
    PlayersConfig,
    RunConfig,
    TeacherConfig,
    TeacherTrainingConfig,
)
from mosaickd_tf.errors import RequestError

# topic, arguments, the name a person meets, what is expected, what came
WRONG = [
    (OptimizationConfig, {"rounds": 0}, "rounds", "at least 1", "0"),
    (OptimizationConfig, {"batch_size": 1}, "batch_size", "at least 2", "1"),
    (OptimizationConfig, {"student_learning_rate": 0.0}, "student_learning_rate", "above 0", "0.0"),
    (OptimizationConfig, {"weight_decay": -1e-4}, "weight_decay", "at least 0", "-0.0001"),
    (OptimizationConfig, {"student_momentum": 1.0}, "student_momentum", "at most 0.999", "1.0"),
    (OptimizationConfig, {"temperature": 0.0}, "temperature", "above 0", "0.0"),
    (LossWeights, {"local": -1.0}, "local_weight", "at least 0", "-1.0"),
    (LossWeights, {"balance": -1.0}, "balance_weight", "at least 0", "-1.0"),
    (BaselineTerms, {"dro_ood_robustness": 0.0}, "dro_ood_robustness", "above 0", "0.0"),
    (BaselineTerms, {"crd_negatives": 0}, "crd_negatives", "at least 1", "0"),
    (BaselineTerms, {"sskd_teacher_share": 1.0}, "sskd_teacher_share", "at most 0.9", "1.0"),
    (DataConfig, {"image_size": 7}, "image_size", "at least 8", "7"),
    (DataConfig, {"channels": 2}, "channels", "1, 3", "2"),
    (DataConfig, {"ood_fit": "stretch"}, "ood_fit", "resize, crops", "stretch"),
    (DataConfig, {"validation_fraction": 0.6}, "validation_fraction", "at most 0.5", "0.6"),
    (TeacherConfig, {"teacher_mean": (0.5, 1.5)}, "teacher_mean", "at most 1.0", "1.5"),
    (TeacherConfig, {"teacher_std": (0.5, 0.0)}, "teacher_std", "above 0", "0.0"),
    (TeacherConfig, {"teacher_input": "raw"}, "teacher_input", "unit, signed, bytes", "raw"),
    (PlayersConfig, {"patch_crops": -1}, "patch_crops", "at least 0", "-1"),
    (PlayersConfig, {"student_images": "all"}, "student_images", "both, synthetic, ood", "all"),
    (ExtensionConfig, {"memory_size": -1}, "memory_size", "at least 0", "-1"),
    (DataFreeTerms, {"deep_inversion_steps": 0}, "deep_inversion_steps", "at least 1", "0"),
    (MethodConfig, {"method": "magic"}, "method", "mosaic, kd", "magic"),
    (MethodConfig, {"compare_with": ("kd", "magic")}, "compare_with", "mosaic, kd", "magic"),
    (ExportConfig, {"exports": ("keras", "onnx")}, "exports", "keras, saved_model", "onnx"),
    (RunConfig, {"precision": "int8"}, "precision", "float32, mixed_bfloat16", "int8"),
    (RunConfig, {"seed": -1}, "seed", "at least 0", "-1"),
]


@pytest.mark.parametrize(
    "topic, arguments, name, expected, received", WRONG, ids=[row[2] for row in WRONG]
)
def test_a_value_out_of_range_is_refused_in_one_line(topic, arguments, name, expected, received):
    with pytest.raises(RequestError) as caught:
        topic(**arguments)
    message = str(caught.value)
    assert f"`{name}`" in message
    assert expected in message
    assert message.endswith(f"Received: {name}={received}. See --help")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["student_learning_rate", "weight_decay", "temperature"])
def test_a_number_that_is_not_finite_is_refused(name, number):
    with pytest.raises(RequestError, match=f"`{name}` .*Expected a finite number"):
        OptimizationConfig(**{name: number})


@pytest.mark.parametrize(
    "topic, arguments",
    [
        (OptimizationConfig, {"rounds": 1, "batch_size": 2, "student_momentum": 0.999}),
        (LossWeights, {"local": 0.0, "align": 0.0, "adversarial": 0.0, "balance": 0.0}),
        (DataConfig, {"image_size": 8, "channels": 1, "validation_fraction": 0.5}),
        (ExportConfig, {"exports": ()}),
        (MethodConfig, {"compare_with": ("kd",)}),
    ],
)
def test_the_ends_of_the_ranges_are_allowed(topic, arguments):
    made = topic(**arguments)
    assert {name: getattr(made, name) for name in arguments} == arguments


@pytest.mark.parametrize("whole", [DistillConfig, TeacherTrainingConfig])
def test_every_option_has_a_name_of_its_own_and_a_help_text(whole):
    names = [name for name, _ in config.options(whole())]
    assert len(names) == len(set(names))
    for topic in dataclasses.fields(whole):
        assert topic.default_factory.__doc__
        for field in dataclasses.fields(topic.default_factory):
            assert field.metadata["help"].endswith(".")


def test_a_topic_comes_back_from_its_options():
    made = MethodConfig(method="kd", compare_with=("dafl",), student_layers=("a", "b"))
    kept = json.loads(json.dumps(dict(config.options(DistillConfig(method=made)))))
    assert config.from_options(MethodConfig, kept) == made
    losses = LossWeights(local=0.5)  # its flags have other names
    kept = dict(config.options(DistillConfig(losses=losses)))
    assert config.from_options(LossWeights, kept) == losses


def test_options_that_were_not_kept_are_at_their_defaults():
    assert config.from_options(ExportConfig, {"outputs": "logits", "unknown": 1}) == ExportConfig(
        outputs="logits"
    )


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        OptimizationConfig().rounds = 5
