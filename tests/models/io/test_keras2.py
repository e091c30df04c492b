"""Descriptions of Keras 2, translated: what Keras 3 does alike, and what is refused by name."""

import keras
import numpy as np
import pytest

from mosaickd_tf.models.io import keras2
from tests.models.io import keras2_files as k2

IMAGES = np.random.default_rng(1).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")


def built(network, version="2.4.0"):
    return keras.saving.deserialize_keras_object(keras2.translate(network, version))


def layer_of(node, version="2.4.0"):
    """Returns a layer of a network after its translation."""
    return built(k2.sequential("sequential", k2.images(), node), version).layers[-1]


def translated(node, version="2.4.0"):
    """Returns the config of a layer after its translation."""
    network = keras2.translate(k2.sequential("sequential", k2.images(), node), version)
    return network["config"]["layers"][-1]["config"]


def test_what_matters_for_training_only_is_left_out():
    norm = k2.layer("BatchNormalization", "bn", axis=[3], beta_initializer=k2.INITIALIZER)
    norm["config"] |= {"renorm_momentum": 0.9, "fused": None, "virtual_batch_size": None}
    assert set(translated(norm)) == {"name", "trainable", "dtype", "axis"}
    conv = translated(k2.conv("conv", kernel_regularizer={"class_name": "L1L2", "config": {}}))
    assert not [key for key in conv if key.endswith(("initializer", "regularizer", "constraint"))]
    assert conv["kernel_size"] == [3, 3] and conv["activation"] == "relu"


@pytest.mark.parametrize("name", ["BatchNormalizationV1", "SyncBatchNormalization"])
def test_renamed_layers_are_those_of_today(name):
    layer = layer_of(k2.layer(name, "bn", axis=[3], epsilon=0.1))
    assert type(layer) is keras.layers.BatchNormalization
    assert (layer.axis, layer.epsilon) == (3, 0.1)


def test_arguments_that_were_renamed_keep_their_values():
    layer = layer_of(k2.layer("LeakyReLU", "leaky", alpha=0.25))
    np.testing.assert_allclose(layer(np.array([-4.0, 2.0])), [-1, 2])


@pytest.mark.parametrize(
    "dtype",
    [
        "mixed_float16",
        {"class_name": "Policy", "config": {"name": "mixed_float16"}},
        {"class_name": "PolicyV1", "config": {"name": "mixed_float16"}},
    ],
)
def test_a_policy_of_types_is_kept(dtype):
    layer = layer_of(k2.conv("conv", dtype=dtype))
    assert (layer.compute_dtype, layer.variable_dtype) == ("float16", "float32")


@pytest.mark.parametrize(
    "activation, function",
    [
        ("relu", "relu"),
        ({"class_name": "function", "config": "tanh"}, "tanh"),
        (None, "linear"),
    ],
)
def test_activations_are_found_by_name(activation, function):
    assert layer_of(k2.dense("dense", activation=activation)).activation.__name__ == function


def test_an_activation_may_be_a_layer():
    node = {"class_name": "ReLU", "config": {"name": "relu6", "max_value": 6.0}}
    layer = layer_of(k2.conv("conv", activation=node))
    assert np.asarray(layer.activation(np.array([-1.0, 9.0]))).tolist() == [0, 6]


def test_a_layer_within_a_layer_is_translated():
    inner = k2.layer("LeakyReLU", "leaky", alpha=0.25)
    node = k2.layer("TimeDistributed", "each", layer=inner)
    assert layer_of(node).layer.negative_slope == 0.25


@pytest.mark.parametrize(
    "node, words",
    [
        (k2.layer("Dense", "dense", units=2, magic=5), "magic=5 of the layer Dense"),
        (k2.dense("dense", activation="hard_sigmoid"), "hard_sigmoid, which changed"),
        (k2.dense("dense", activation=[1]), "an activation .1. of the layer Dense"),
        (
            k2.dense("d", activation={"class_name": "function", "config": "hard_sigmoid"}),
            "hard_sigmoid, which changed",
        ),
        (k2.layer("LSTM", "lstm", units=2, time_major=True), "time_major=True"),
        (k2.layer("DepthwiseConv2D", "dw", kernel_size=[3, 3], groups=3), "groups=3"),
    ],
)
def test_what_keras_3_does_otherwise_is_refused_by_name(node, words):
    with pytest.raises(ValueError, match=words):
        translated(node)


@pytest.mark.parametrize("value", [None, False, 1, [], {}])
def test_an_unknown_argument_that_changes_nothing_is_left_out(value):
    assert "magic" not in translated(k2.dense("dense", magic=value))


def test_hard_sigmoid_of_keras_3_is_kept():
    assert translated(k2.dense("d", activation="hard_sigmoid"), "3.0.0")["activation"]


def test_an_input_without_a_shape_is_refused():
    with pytest.raises(ValueError, match="before its input had a shape"):
        keras2.translate(k2.sequential("sequential", k2.dense("dense")), "2.4.0")
    images = k2.images()
    del images["config"]["batch_input_shape"]
    with pytest.raises(ValueError, match="an input without a shape"):
        keras2.translate(k2.sequential("sequential", images), "2.4.0")


def test_a_layer_that_is_not_built_in_is_described_without_a_module():
    network = keras2.translate(
        k2.sequential("sequential", k2.images(), k2.layer("Theirs", "a")), "2"
    )
    assert network["config"]["layers"][-1]["module"] is None
    assert network["config"]["layers"][-1]["registered_name"] == "Theirs"


def test_layers_are_shared_and_networks_called_twice_as_before():
    """Keras 2 counts the calls of a network from 1, those of a layer from 0."""
    inner = k2.functional("inner", k2.images("input_2"), k2.layer("ReLU", "relu", "input_2"))
    inner = k2.within(inner, "input_1")
    inner["inbound_nodes"].append([["negative", 0, 0, {}]])
    merge = k2.layer("Subtract", "subtract")
    merge["inbound_nodes"] = [[["inner", 1, 0, {}], ["inner", 2, 0, {}]]]
    network = k2.functional(
        "model",
        k2.images(),
        k2.layer("Rescaling", "negative", "input_1", scale=-1.0, offset=0.0),
        inner,
        merge,
    )
    np.testing.assert_allclose(built(network)(IMAGES), IMAGES, atol=1e-7)


def test_a_network_at_the_end_is_an_output():
    inner = k2.functional("inner", k2.images("input_2"), k2.layer("ReLU", "relu", "input_2"))
    network = k2.functional("model", k2.images(), k2.within(inner, "input_1"))
    network["config"]["output_layers"] = [["inner", 1, 0]]
    np.testing.assert_allclose(built(network)(IMAGES), np.maximum(IMAGES, 0))
