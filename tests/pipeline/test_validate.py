"""A request is validated, its data read and its networks built, before anything is written."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.config import ExportConfig, MethodConfig, TeacherConfig, with_options
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.deep_inversion import DeepInversionConfig
from mosaickd_tf.pipeline.validate import validate_and_load
from tests import tiny
from tests.pipeline.small_run import changed, refusal

CONFIG = changed("data", ood_crops_per_picture=16, validation_fraction=0.25)
CONFIG = changed("optimization", CONFIG, rounds=7)


# What "auto" becomes for a teacher that this program builds.
OF_UNIT_IMAGES_TO_LOGITS = {
    "teacher_input": "unit",
    "teacher_layout": "channels_last",
    "teacher_output_kind": "logits",
}


def requested(section, **options):
    """Returns the config of this file with other options in one of its sections."""
    return changed(section, CONFIG, **options)


def of_method(config, method, compared=()):
    """Returns a config with a method and its baselines."""
    return dataclasses.replace(config, method=MethodConfig(method=method, compare_with=compared))


# What is prepared


def test_the_data_are_read_and_a_teacher_by_name_waits_for_its_training():
    prepared = validate_and_load(CONFIG)
    target = prepared.target
    splits = [target.train, target.validation, target.test]
    assert [len(split) for split in splits] == [900, 300, 597]
    assert len(prepared.ood) == 32  # 16 crops of two photographs
    assert prepared.teacher.name == "wrn10_1"
    assert prepared.teacher_is_trained is False
    assert prepared.config == with_options(
        CONFIG,
        data={"task": "single_label"},
        teacher=OF_UNIT_IMAGES_TO_LOGITS,
        networks={"patch_size": 4},
        optimization={"recipe": "paper"},
    )


def test_each_method_is_prepared_with_its_own_config_networks_and_plan():
    prepared = validate_and_load(requested("method", baseline_learning_rate=0.02))
    assert [method.name for method in prepared.methods] == ["mosaic", "kd"]
    assert (prepared.method, *prepared.baselines) == prepared.methods
    networks = [list(method.networks.by_name) for method in prepared.methods]
    assert networks == [["student", "generator", "discriminator"], ["student"]]
    rates = [method.config.optimization.student_learning_rate for method in prepared.methods]
    assert rates == [0.1, 0.02]
    assert {method.plan.rounds for method in prepared.methods} == {7}
    assert {method.plan.select_by for method in prepared.methods} == {"validation_accuracy"}
    students = [method.networks.by_name["student"] for method in prepared.methods]
    assert students[0] is not students[1]
    assert tiny.same_bits(*map(tiny.values, students))  # of the same seed


@pytest.mark.parametrize(
    "rate, rate_of_baselines, received", [(0.1, 0.0, "0.1"), (0.02, 0.05, "0.05")]
)
def test_rates_for_sgd_are_refused_with_adam(rate, rate_of_baselines, received):
    asked = requested("method", baseline_learning_rate=rate_of_baselines)
    options = {"student_optimizer": "adam", "student_learning_rate": rate}
    message = refusal(validate_and_load, with_options(asked, optimization=options))
    assert f"Expected at most 0.02 with `student_optimizer`=adam. Received: {received}" in message


@pytest.mark.parametrize("fraction, target", [(0.0, "embedded:digits"), (0.25, "")])
def test_without_a_validation_split_the_last_state_is_kept(fraction, target, tmp_path):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        requested("data", validation_fraction=fraction, target_dataset=target),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
    )
    assert [method.plan.select_by for method in validate_and_load(config).methods] == [None] * 2


def test_a_teacher_from_a_file_is_loaded(tmp_path):
    teacher = tiny.classifier(input_shape=(8, 8, 1))
    teacher.save(tmp_path / "teacher.keras")
    prepared = validate_and_load(requested("teacher", teacher=str(tmp_path / "teacher.keras")))
    assert prepared.teacher_is_trained is True
    assert tiny.same_bits(tiny.values(prepared.teacher), tiny.values(teacher))


@pytest.mark.parametrize("method", METHODS)
def test_validation_does_not_freeze_the_teacher(method, tmp_path):
    teacher = tiny.classifier(input_shape=(8, 8, 1))
    teacher.save(tmp_path / "teacher.keras")
    config = requested("teacher", teacher=str(tmp_path / "teacher.keras"))
    config = dataclasses.replace(config, methods={"deep_inversion": DeepInversionConfig(steps=1)})
    found = validate_and_load(of_method(config, method)).teacher
    assert found.trainable and all(layer.trainable for layer in found.layers)
    assert len(found.trainable_variables) == len(teacher.trainable_variables) > 0
    assert tiny.same_bits(tiny.values(found), tiny.values(teacher))


# What is refused


@pytest.mark.parametrize(
    ("method", "ood", "calibration", "lacks"),
    [
        ("kd", "embedded:photos", "synthetic", "a generator"),
        ("dafl", "", "mixed", "OOD images"),
    ],
)
def test_integers_without_images_to_calibrate_with_are_refused(method, ood, calibration, lacks):
    config = dataclasses.replace(
        requested("data", ood_dataset=ood),
        export=ExportConfig(exports=("tflite_int8",), calibration=calibration),
    )
    assert f"Expected {lacks}" in refusal(validate_and_load, of_method(config, method))


@pytest.mark.parametrize("method, compared", [("mosaic", ()), ("dafl", ("kd",))])
def test_a_method_on_ood_images_needs_them(method, compared):
    config = of_method(requested("data", ood_dataset=""), method, compared)
    needy = compared[0] if compared else method
    message = refusal(validate_and_load, config)
    assert f"`ood_dataset` is needed: `method`={needy} learns from OOD images" in message


def test_a_method_without_ood_images_needs_none():
    config = of_method(requested("data", ood_dataset=""), "dafl")
    assert validate_and_load(config).ood is None


@pytest.mark.parametrize("compared", [("mosaic", ("deep_inversion",)), ("deep_inversion", ())])
def test_an_option_without_effect_in_so_few_rounds_is_refused(compared):
    def config(steps, method, baselines):
        sections = {"deep_inversion": DeepInversionConfig(steps=steps)}
        return of_method(dataclasses.replace(CONFIG, methods=sections), method, baselines)

    assert "Received: deep_inversion_steps=8" in refusal(validate_and_load, config(8, *compared))
    validate_and_load(config(7, *compared))
    validate_and_load(config(8, "kd", ()))  # which has no such option


@pytest.mark.parametrize("side", ["teacher_layers", "student_layers"])
@pytest.mark.parametrize("method, compared", [("mosaic", ("kd",)), ("kd", ())])
def test_layers_of_methods_without_features_are_refused(side, method, compared):
    layers_config = MethodConfig(method=method, compare_with=compared, **{side: ("head_relu",)})
    message = refusal(validate_and_load, dataclasses.replace(CONFIG, method=layers_config))
    assert f"`{side}`" in message and f"Received: {method}." in message


def test_layers_of_a_baseline_with_features_are_accepted():
    names = {"teacher_layers": ("features",), "student_layers": ("features",)}
    config = dataclasses.replace(CONFIG, method=MethodConfig(compare_with=("rkd",), **names))
    assert [method.name for method in validate_and_load(config).methods] == ["mosaic", "rkd"]


def test_no_teacher_is_refused():
    assert "`teacher` is needed" in refusal(validate_and_load, requested("teacher", teacher=""))


def test_an_unknown_student_is_refused_before_the_data_are_read():
    config = requested("networks", student="resnet19")
    config = changed("data", config, target_dataset="folder:not_there")
    assert "resnet19" in refusal(validate_and_load, config)


def test_evaluations_between_two_calls_are_refused():
    config = requested("run", steps_per_execution=2)
    assert "steps_per_execution=2" in refusal(validate_and_load, config)


def test_an_unsuitable_baseline_is_refused_before_the_method_is_trained(tmp_path):
    """FitNet compares maps of stages, which this teacher does not have."""
    tiny.plain_networks()["teacher"].save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        requested("data", channels=3, target_dataset=""),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
        method=MethodConfig(compare_with=("fitnet",)),
    )
    assert "`teacher_layers`" in refusal(validate_and_load, config)


def test_the_logits_of_a_teacher_file_of_probabilities_are_its_own(tmp_path):
    logits = tiny.classifier(input_shape=(8, 8, 1))
    rng = np.random.default_rng(0)
    logits.set_weights([rng.uniform(0.2, 1, values.shape) for values in logits.get_weights()])
    keras.Sequential([logits, layers.Softmax()]).save(tmp_path / "teacher.keras")
    path = str(tmp_path / "teacher.keras")
    prepared = validate_and_load(requested("teacher", teacher=path, teacher_input="unit"))
    assert prepared.config.teacher.teacher_output_kind == "softmax"
    images = rng.random((5, 8, 8, 1), np.float32)
    expected = np.asarray(logits(images))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(prepared.teacher(images), expected, atol=1e-5)


def test_a_teacher_file_of_other_classes_is_refused(tmp_path):
    tiny.classifier(input_shape=(8, 8, 1), num_classes=7).save(tmp_path / "teacher.keras")
    config = requested("teacher", teacher=str(tmp_path / "teacher.keras"))
    assert "a teacher of 7 classes" in refusal(validate_and_load, config)
