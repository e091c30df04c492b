"""Classifiers by name, and properties that they share."""

import functools

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mosaickd_tf import export
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS
from mosaickd_tf.models import (
    build_classifier,
    check_classifier_name,
    classifier_names,
    is_wide_resnet,
    parameters,
    portable_copy,
    stage_outputs,
    training_copy,
)
from mosaickd_tf.models.normalization import FusedBatchNormalization
from tests import tiny

# Trainable parameters with 100 classes: the official code's, counted by PyTorch.
OFFICIAL = {
    "resnet18": 11_220_132,
    "resnet34": 21_328_292,
    "vgg11_bn": 9_277_284,
}
# With 1000 classes, of torchvision.
PUBLISHED = {"mobilenet_v2": 3_504_872, "mobilenet_v3_small": 2_542_856}
# One of each builder.
NETWORKS = ["wrn16_1", "resnet18", "vgg11_bn", "mobilenet_v2", "mobilenet_v3_small"]
SHAPE = (16, 12, 1)
IMAGES = np.random.RandomState(0).uniform(size=(4, *SHAPE)).astype("float32")


@functools.cache
def network(name):
    """Builds a network of 7 classes, which tests must not change."""
    return build_classifier(name, num_classes=7, input_shape=SHAPE)


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("name", OFFICIAL)
def test_trainable_parameters_are_those_of_the_official_code(name):
    assert parameters(build_classifier(name, num_classes=100)) == OFFICIAL[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_for_phones_have_the_published_parameters(name):
    assert parameters(build_classifier(name, num_classes=1000)) == PUBLISHED[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_classifier_starts_with_the_standardization_and_ends_in_float32_logits(name):
    model = network(name)
    assert model.name == name
    assert [layer.name for layer in model.layers[:2]] == ["unit_images", "standardization"]
    assert model.layers[-1].name == "logits" and model.layers[-1].dtype_policy.name == "float32"
    assert len(model.get_layer("features").output.shape) == 2
    logits = model(IMAGES, training=False)
    assert logits.shape == (4, 7) and np.isfinite(logits).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_are_built_in_and_normalize_as_torch_does(name):
    model = network(name)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    norms = layers_of(model, keras.layers.BatchNormalization)
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stride_of_2_goes_with_even_padding_of_its_own(name):
    """Checks strided layers: "same" would pad one side more than the other."""
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    for layer in layers_of(network(name), kinds):
        if layer.strides == (2, 2):
            assert layer.padding == "valid"
            before = layer.input._keras_history.operation
            if layer.kernel_size != (1, 1):
                width = layer.kernel_size[0] // 2
                assert before.padding == ((width, width), (width, width))


@pytest.mark.parametrize("name", NETWORKS)
def test_larger_images_of_three_channels_are_taken(name):
    model = build_classifier(name, num_classes=2, input_shape=(64, 64, 3))
    assert model.output_shape == (None, 2)
    sides = [model.get_layer(layer).output.shape[1] for layer in stage_outputs(model)]
    assert sides[0] == 64 and sides == sorted(sides, reverse=True) and sides[-1] >= 4


@pytest.mark.parametrize("name", NETWORKS)
def test_images_that_are_too_small_are_refused(name):
    with pytest.raises(
        RequestError, match=r"too small.*at least \dx\d.*Received: 16x3\. "
    ) as caught:
        build_classifier(name, num_classes=2, input_shape=(16, 3, 1))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_copies_compute_the_same_for_training_in_low_precision_and_portable(name):
    model = network(name)
    fused = training_copy(model)
    norms = layers_of(fused, keras.layers.BatchNormalization)
    assert {type(norm) for norm in norms} == {FusedBatchNormalization}
    expected = model(IMAGES, training=False)
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(fused(IMAGES, training=False), expected, atol=1e-4 * scale)
    low = training_copy(model, "mixed_bfloat16")
    rounded = low(IMAGES, training=False)
    assert rounded.dtype == "float32"
    np.testing.assert_allclose(rounded, expected, atol=0.1 * scale)
    portable = portable_copy(low)
    assert "mosaickd_tf" not in portable.to_json()
    np.testing.assert_allclose(portable(IMAGES, training=False), expected, atol=1e-5 * scale)
    assert stage_outputs(model) == stage_outputs(low) == stage_outputs(portable)


@pytest.mark.slow
def test_a_phone_s_student_learns_from_two_updates_and_leaves_as_tflite(tmp_path):
    teacher = tiny.classifier()
    shape = teacher.input_shape[1:]
    student = training_copy(
        build_classifier("mobilenet_v3_small", num_classes=tiny.NUM_CLASSES, input_shape=shape)
    )
    before = tiny.values(student)
    distiller = METHODS["kd"](teacher=teacher, student=student)
    distiller.compile()
    for seed in range(2):
        distiller.update_student(tiny.batch(seed)["patch_images"])
    assert np.isfinite(distiller.end_round()["distillation_loss"])
    assert not tiny.same_bits(before, tiny.values(student))

    export.save_tflite(student, tmp_path / "student.tflite", "logits")
    interpreter = Interpreter(str(tmp_path / "student.tflite"))
    interpreter.allocate_tensors()
    image = np.random.RandomState(1).randint(0, 256, (1, *shape), "uint8")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    received = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    expected = student(image / np.float32(255), training=False)
    np.testing.assert_allclose(received, expected, atol=1e-3 * float(np.abs(expected).max()))


# Names


def test_a_name_says_depth_and_width():
    model = build_classifier("wrn16_2", num_classes=4, input_shape=(8, 8, 1))
    assert model.input_shape == (None, 8, 8, 1) and model.output_shape == (None, 4)
    convolutions = [layer.name for layer in model.layers if layer.name.endswith("_conv1")]
    assert len(convolutions) == 6  # 16 = 6·2 + 4: two blocks in each of three stages
    assert model.get_layer("stage3_block2_conv2").filters == 128


@pytest.mark.parametrize(
    "name", ["wrn10_1", "wrn16_1", "wrn40_2", "wrn28_10", *OFFICIAL, *PUBLISHED]
)
def test_known_names_pass(name):
    check_classifier_name(name)


def test_all_names_are_listed():
    pattern, *fixed = classifier_names()
    assert pattern.startswith("wrnD_W")
    assert {*OFFICIAL, *PUBLISHED} == set(fixed)


@pytest.mark.parametrize(
    "name",
    ["", "wrn", "wrn4_1", "wrn16", "wrn15_1", "wrn16_0", "WRN16_1", "wrn_16_1", "wrn16_1 ",
     "wrn16_1\n", "wrn-2_1", "resnet19", "vgg11", "xception"],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_what_is_expected_and_what_came(name):
    for refuse in (check_classifier_name, lambda n: build_classifier(n, num_classes=10)):
        with pytest.raises(RequestError) as caught:
            refuse(name)
        assert repr(name) in str(caught.value)
        assert all(known in str(caught.value) for known in classifier_names())
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name, near",
    [("vgg11", "vgg11_bn"), ("ResNet-18", "resnet18"), ("WRN40_2", "wrn40_2"),
     ("mobilenetv2", "mobilenet_v2"), ("mobilenet_v3", "mobilenet_v3_small")],
)  # fmt: skip
def test_a_near_name_is_suggested(name, near):
    with pytest.raises(RequestError, match=rf"Did you mean .*{near}.*\?$"):
        check_classifier_name(name)


def test_nothing_is_suggested_where_nothing_is_near():
    with pytest.raises(RequestError, match="Received: 'xception'. Choose one of them$"):
        check_classifier_name("xception")


def test_statistics_reach_the_standardization():
    for name in ("wrn10_1", "resnet18"):
        model = build_classifier(name, num_classes=2, input_shape=(8, 8, 1), mean=[0.3], std=[0.2])
        config = model.get_layer("standardization").get_config()
        assert config["mean"] == [0.3] and config["variance"] == pytest.approx([0.04])


def test_a_stride_is_of_wide_residual_networks_alone():
    strided = build_classifier("wrn10_1", num_classes=2, input_shape=(16, 16, 1), stem_stride=2)
    assert strided.get_layer("stem").strides == (2, 2)
    with pytest.raises(RequestError, match="Expected a network wrnD_W.*'resnet18' with a stride"):
        build_classifier("resnet18", num_classes=2, stem_stride=2)


@pytest.mark.parametrize("name, expected", [("wrn16_1", True), ("resnet18", False)])
def test_wide_residual_networks_are_known_by_name(name, expected):
    assert is_wide_resnet(name) == expected
