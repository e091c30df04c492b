"""Layers that are compared: found by their names, or named by the user."""

import math

import keras
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS, RelationalDistiller
from mosaickd_tf.methods.features import (
    dtype_policy,
    feature_shapes,
    middle_layer,
    paired_stages,
    penultimate_layer,
)
from mosaickd_tf.methods.zskt import ZsktConfig
from mosaickd_tf.models import build_classifier, training_copy
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name
from mosaickd_tf.models.graph.stages import stage_outputs
from tests import tiny
from tests.methods import harness
from tests.methods.test_zskt import tiny_generator

FEATURE_METHODS = ["fitnet", "rkd", "crd", "sskd"]


def test_layers_of_networks_of_this_package_are_found():
    assert penultimate_layer(tiny.wide_resnet()) == ["features"]
    assert middle_layer(["first", "second", "third"]) == ["second"]
    assert middle_layer(["first", "second"]) == ["first"]


@pytest.mark.parametrize(
    ("teacher", "student", "expected"),
    [
        # of one family: all, also where two are of one size
        ("wrn16_1", "wrn10_1", (["1_block2_add", "2_block2_add", "3_block2_add"],
                                ["1_block1_add", "2_block1_add", "3_block1_add"])),
        ("vgg11_bn", "vgg11_bn", 2 * (["1_block1_relu", "2_block1_relu", "3_block2_relu",
                                       "4_block2_relu", "5_block2_relu"],)),
        # 32, 16, 8, 4 and 4 pixels, against 32, 16, 8 and 4
        ("vgg11_bn", "resnet18", (["1_block1_relu", "2_block1_relu", "3_block2_relu",
                                   "5_block2_relu"],
                                  ["1_block2_relu", "2_block2_relu", "3_block2_relu",
                                   "4_block2_relu"])),
        # 32, 16 and 8 against 32, 16, 8 and 4
        ("wrn10_1", "mobilenet_v2", (["1_block1_add", "2_block1_add", "3_block1_add"],
                                     ["1_block3_add", "2_block3_add", "3_block7_add"])),
    ],
)  # fmt: skip
def test_stages_are_compared_whose_maps_are_of_one_size(teacher, student, expected):
    models = [build_classifier(name, num_classes=5) for name in (teacher, student)]
    found = paired_stages(*models)
    assert [[name.removeprefix("stage") for name in side] for side in found] == list(expected)


def test_networks_that_share_no_size_of_map_are_left_as_they_are():
    sizes = [(32, 32, 3), (28, 28, 3)]
    pair = [build_classifier("wrn10_1", num_classes=5, input_shape=size) for size in sizes]
    assert paired_stages(*pair) == 2 * [
        ["stage1_block1_add", "stage2_block1_add", "stage3_block1_add"]
    ]


@pytest.mark.parametrize("method", ["fitnet", "zskt"])
def test_named_layers_of_one_side_leave_the_other_its_own(method):
    teacher, student = (build_classifier(name, num_classes=5) for name in ("vgg11_bn", "resnet18"))
    named, arguments = ["stage2_block1_relu"], {}
    if method == "zskt":
        named = stage_outputs(teacher)[:4]
        arguments["generator"] = tiny_generator()
        arguments["config"] = ZsktConfig(attention_weight=0.0)
    kind = METHODS[method]
    distiller = kind(teacher=teacher, student=student, teacher_layers=named, **arguments)
    assert [layer.name for layer in distiller.teacher_capture.layers] == named
    own = stage_outputs(student) if method == "zskt" else middle_layer(stage_outputs(student))
    assert [layer.name for layer in distiller.student_capture.layers] == own


def test_shapes_are_those_of_the_captured_features():
    model = tiny.wide_resnet()
    capture = ActivationCapture(model, layers_by_name(model, ["stage2_block1_add", "features"]))
    before = tiny.values(model)
    assert feature_shapes(capture) == [(4, 4, 32), (64,)]
    assert tiny.same_bits(before, tiny.values(model))


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_heads_run_in_the_policy_of_their_inputs(name):
    networks = {role: training_copy(model, name) for role, model in harness.pair().items()}
    for method in ("fitnet", "crd", "sskd"):
        distiller = harness.build(method, networks_=networks)
        assert dtype_policy(distiller.student_capture).name == name
        dense = [x for x in distiller.heads.layers if x.weights]
        assert {layer.dtype_policy.name for layer in dense} == {name}
        assert {v.dtype for v in distiller.heads.variables} == {"float32"}
        terms = harness.run_round(distiller)
        assert all(map(math.isfinite, terms.values()))


@pytest.mark.parametrize("method", FEATURE_METHODS)
def test_a_network_of_unknown_layers_is_refused_with_the_arguments_to_use(method):
    networks = {role: tiny.plain_networks()[role] for role in ("teacher", "student")}
    with pytest.raises(RequestError, match="teacher_layers.*student_layers") as caught:
        harness.build(method, networks_=networks)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("method", FEATURE_METHODS)
def test_layers_that_the_user_names_are_compared(method):
    networks = {role: tiny.plain_networks()[role] for role in ("teacher", "student")}
    kind = keras.layers.Conv2D if method == "fitnet" else keras.layers.GlobalAveragePooling2D
    names = {
        f"{role}_layers": [x.name for x in model.layers if isinstance(x, kind)]
        for role, model in networks.items()
    }
    distiller = harness.build(method, networks_=networks, **names)
    assert distiller.teacher_capture.layers[0].name == names["teacher_layers"][0]
    assert "student" in harness.trained(
        distiller, lambda: [harness.run_round(distiller) for _ in range(2)]
    )


def test_another_number_of_layers_on_one_side_is_refused():
    with pytest.raises(RequestError, match="Received: 2 and 1"):
        RelationalDistiller(**harness.pair(), teacher_layers=["features", "stage1_relu"])


@pytest.mark.parametrize("method", ["crd", "sskd"])
def test_more_than_one_layer_is_refused_where_one_is_compared(method):
    names = ["stage1_relu", "features"]
    with pytest.raises(RequestError, match="Expected one name in `teacher_layers`.*Received: 2"):
        harness.build(method, teacher_layers=names, student_layers=names)


def test_a_model_of_unknown_input_shape_is_refused():
    networks = {role: tiny.Subclassed(model) for role, model in harness.pair().items()}
    with pytest.raises(RequestError, match="whose input shape Keras knows"):
        harness.build("crd", networks_=networks)
