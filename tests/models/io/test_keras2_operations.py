"""TensorFlow operations in a graph of Keras 2, as layers that compute the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.models.io import keras2
from mosaickd_tf.models.io.keras2_operations import as_layers, module_of_operation
from tests.models.io import keras2_files as k2

IMAGES = np.random.default_rng(1).uniform(-8, 8, (2, 4, 4, 3)).astype("float32")


def operation(function, name="op", source="input_1", kind="TFOpLambda", **arguments):
    node = [source, 0, 0, {"name": None, **arguments}]
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": [node]}


def outputs(*nodes):
    network = k2.functional("model", k2.images(shape=(4, 4, 3)), *nodes)
    model = keras.saving.deserialize_keras_object(keras2.translate(network, "2.4.0"))
    return np.asarray(model(IMAGES))


@pytest.mark.parametrize(
    "function, arguments, expected",
    [
        ("math.truediv", {"y": 127.5}, IMAGES / 127.5),
        ("math.divide", {"y": 4}, IMAGES / 4),
        ("math.multiply", {"y": -2.0}, IMAGES * -2),
        ("math.subtract", {"y": 1.0}, IMAGES - 1),
        ("math.add", {"y": 3}, IMAGES + 3),
        ("__operators__.add", {"y": 3.5}, IMAGES + 3.5),
        ("nn.relu", {}, np.maximum(IMAGES, 0)),
        ("nn.relu6", {}, np.clip(IMAGES, 0, 6)),
        ("nn.softmax", {"axis": -1}, tf.nn.softmax(IMAGES)),
        ("math.sigmoid", {}, tf.sigmoid(IMAGES)),
        ("nn.sigmoid", {}, tf.sigmoid(IMAGES)),
        ("nn.silu", {}, tf.nn.silu(IMAGES)),
        ("math.tanh", {}, np.tanh(IMAGES)),
        ("identity", {}, IMAGES),
    ],
)
def test_an_operation_computes_what_tensorflow_does(function, arguments, expected):
    np.testing.assert_allclose(outputs(operation(function, **arguments)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "function, expected",
    [
        ("math.add", IMAGES + np.maximum(IMAGES, 0)),
        ("__operators__.add", IMAGES + np.maximum(IMAGES, 0)),
        ("math.multiply", IMAGES * np.maximum(IMAGES, 0)),
        ("math.subtract", IMAGES - np.maximum(IMAGES, 0)),
    ],
)
def test_an_operation_takes_two_tensors(function, expected):
    relu = k2.layer("ReLU", "relu", "input_1")
    np.testing.assert_allclose(
        outputs(relu, operation(function, y=["relu", 0, 0])), expected, rtol=1e-6
    )


@pytest.mark.parametrize(
    "node, words",
    [
        (operation("math.divide", y=["input_1", 0, 0]), "tf.math.divide of the layer 'op'"),
        (operation("math.multiply", y=[1.0, 2.0, 3.0]), "tf.math.multiply"),
        (operation("nn.softmax", axis=1), "tf.nn.softmax"),
        (operation("reshape", shape=[-1]), "tf.reshape"),
        (operation("io.write_file", y=1), "tf.io.write_file"),
        (operation("", kind="TensorFlowOpLayer"), "tf.TensorFlowOpLayer"),
        (operation("__operators__.getitem", kind="SlicingOpLambda"), "tf.__operators__.getitem"),
    ],
)
def test_another_operation_is_refused_by_name(node, words):
    with pytest.raises(ValueError, match=words):
        as_layers([node])


def test_layers_stay_as_they_are():
    relu = k2.layer("ReLU", "relu", "input_1")
    assert as_layers([relu]) == [relu]


@pytest.mark.parametrize(
    "name, config, module",
    [
        ("Add", {"name": "add"}, "keras.src.ops.numpy"),
        ("Relu", {"name": "relu"}, "keras.src.ops.nn"),
        ("Add", {"name": "add", "trainable": True, "dtype": "float32"}, None),
        ("Theirs", {"name": "theirs"}, None),
        ("InputLayer", {"batch_shape": [None, 3]}, None),
        ("any_symbolic_tensors", {"name": "a"}, None),
    ],
)
def test_the_module_of_an_operation_of_keras_3_is_found(name, config, module):
    node = {"class_name": name, "config": config, "inbound_nodes": [{"args": [], "kwargs": {}}]}
    assert module_of_operation(node) == module
    assert module_of_operation(node | {"inbound_nodes": [[["a", 0, 0, {}]]]}) is None
    assert module_of_operation(node | {"inbound_nodes": []}) is None
