"""Which layers are compared, and how a person names others."""

import math

import keras
import pytest

from mosaickd_tf.config import DataFreeTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS, RelationalDistiller
from mosaickd_tf.methods.features import (
    middle_layer,
    paired_stages,
    penultimate_layer,
    policy,
    watched_shapes,
)
from mosaickd_tf.models import build_classifier, training_copy
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name
from mosaickd_tf.models.graph.stages import stage_outputs
from tests import tiny
from tests.methods import staged
from tests.methods.test_zskt import tiny_generator

FEATURE_METHODS = ["fitnet", "rkd", "crd", "sskd"]
NEEDED = {"sskd": {"teacher_rounds": 1}}


def test_layers_of_our_networks_are_found():
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
        arguments["loss_weights"] = DataFreeTerms(zskt_attention_weight=0.0)
    kind = METHODS[method]
    made = kind(teacher=teacher, student=student, teacher_layers=named, **arguments)
    assert [layer.name for layer in made.teacher_capture.layers] == named
    own = kind.watched_layers(student)
    assert [layer.name for layer in made.student_capture.layers] == own


def test_shapes_are_those_of_what_passes():
    model = tiny.wide_resnet()
    taps = ActivationCapture(model, layers_by_name(model, ["stage2_block1_add", "features"]))
    before = tiny.values(model)
    assert watched_shapes(taps) == [(4, 4, 32), (64,)]
    assert tiny.same_bits(before, tiny.values(model))


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_heads_run_in_the_policy_of_what_they_read(name):
    players = {role: training_copy(model, name) for role, model in staged.pair().items()}
    for method in ("fitnet", "crd", "sskd"):
        made = staged.distiller(method, players=players, **NEEDED.get(method, {}))
        assert policy(made.student_capture).name == name
        dense = [x for x in made.heads.layers if x.weights]
        assert {layer.dtype_policy.name for layer in dense} == {name}
        assert {v.dtype for v in made.heads.variables} == {"float32"}
        terms = staged.play(made)
        assert all(map(math.isfinite, terms.values()))


@pytest.mark.parametrize("method", FEATURE_METHODS)
def test_a_network_of_unknown_layers_is_refused_with_the_flags_to_use(method):
    players = {role: tiny.plain_players()[role] for role in ("teacher", "student")}
    with pytest.raises(RequestError, match="--teacher_layers/--student_layers") as caught:
        staged.distiller(method, players=players, **NEEDED.get(method, {}))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("method", FEATURE_METHODS)
def test_layers_that_a_person_names_are_compared(method):
    players = {role: tiny.plain_players()[role] for role in ("teacher", "student")}
    kind = keras.layers.Conv2D if method == "fitnet" else keras.layers.GlobalAveragePooling2D
    names = {
        f"{role}_layers": [x.name for x in model.layers if isinstance(x, kind)]
        for role, model in players.items()
    }
    made = staged.distiller(method, players=players, **names, **NEEDED.get(method, {}))
    assert made.teacher_capture.layers[0].name == names["teacher_layers"][0]
    assert "student" in staged.what_moves(made, lambda: [staged.play(made) for _ in range(2)])


def test_another_number_of_layers_on_one_side_is_refused():
    with pytest.raises(RequestError, match="Received: 2 and 1"):
        RelationalDistiller(**staged.pair(), teacher_layers=["features", "stage1_relu"])


@pytest.mark.parametrize("method", ["crd", "sskd"])
def test_more_than_one_layer_is_refused_where_one_is_compared(method):
    names = ["stage1_relu", "features"]
    with pytest.raises(RequestError, match="Expected one --teacher_layers.*Received: 2"):
        staged.distiller(
            method, teacher_layers=names, student_layers=names, **NEEDED.get(method, {})
        )


def test_a_model_of_unknown_input_shape_is_refused():
    players = {role: tiny.Subclassed(model) for role, model in staged.pair().items()}
    with pytest.raises(RequestError, match="whose input shape Keras knows"):
        staged.distiller("crd", players=players)
