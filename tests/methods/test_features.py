"""Which layers are compared, and how a person names others."""

import math

import keras
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import RelationalDistiller
from mosaickd_tf.methods.features import middle_layer, penultimate_layer, policy, watched_shapes
from mosaickd_tf.models import fast_copy
from mosaickd_tf.models.taps import Taps, layers_by_name
from tests import tiny
from tests.methods import staged

FEATURE_METHODS = ["fitnet", "rkd", "crd", "sskd"]
NEEDED = {"sskd": {"teacher_rounds": 1}}


def test_layers_of_our_networks_are_found():
    model = tiny.wide_resnet()
    assert penultimate_layer(model) == ["features"]
    assert middle_layer(model) == ["stage2_block1_add"]  # of three
    assert middle_layer(staged.pair()["teacher"]) == ["stage1_relu"]  # of two the earlier


def test_shapes_are_those_of_what_passes():
    model = tiny.wide_resnet()
    taps = Taps(model, layers_by_name(model, ["stage2_block1_add", "features"]))
    before = tiny.values(model)
    assert watched_shapes(taps) == [(4, 4, 32), (64,)]
    assert tiny.same_bits(before, tiny.values(model))


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_heads_run_in_the_policy_of_what_they_read(name):
    players = {role: fast_copy(model, name) for role, model in staged.pair().items()}
    for method in ("fitnet", "crd", "sskd"):
        made = staged.distiller(method, players=players, **NEEDED.get(method, {}))
        assert policy(made.student_taps).name == name
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
    assert made.teacher_taps.layers[0].name == names["teacher_layers"][0]
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
