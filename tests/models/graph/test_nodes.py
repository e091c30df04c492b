"""Models built from nodes that are written by hand."""

import keras
import numpy as np
import pytest

from mosaickd_tf.models.graph.nodes import PER_CHANNEL_AFFINE, Node, Normalization, build_model

PIXELS = np.array([[[[1.0, -2.0]]]], "float32")


def nodes(dtype="float32"):
    """Lists the nodes of `relu(2 x + 1) + x`."""
    weights = [np.array([2.0, 2.0]), np.array([1.0, 1.0])]
    affine = {"kind": PER_CHANNEL_AFFINE, "name": "affine", "weights": weights, "dtype": dtype}
    return [
        Node(kind="InputLayer", name="images", inputs=[], arguments={"shape": (1, 1, 2)}),
        Node(inputs=["images"], **affine),
        Node(kind="ReLU", name="relu", inputs=["affine"], dtype=dtype),
        Node(kind="Add", name="add", inputs=["relu", "images"], dtype=dtype),
    ]


def depthwise(node, tensor):
    layer = keras.layers.DepthwiseConv2D(1, name=node.name)
    scale, offset = node.weights
    return layer, [scale.reshape(1, 1, -1, 1), offset], layer(tensor)


def test_a_model_computes_its_nodes_and_names_its_layers_after_them():
    model = build_model(nodes(), keras, "by_hand", depthwise)
    np.testing.assert_array_equal(model(PIXELS), [[[[4.0, -2.0]]]])
    assert model.name == "by_hand"
    assert [layer.name for layer in model.layers] == ["images", "affine", "relu", "add"]


@pytest.mark.parametrize("keep, expected", [(False, "float32"), (True, "float16")])
def test_dtypes_of_the_nodes_are_kept_on_request(keep, expected):
    model = build_model(nodes("float16"), keras, "low", depthwise, keep_dtypes=keep)
    assert model.get_layer("relu").compute_dtype == expected


def test_a_batch_normalization_is_read_with_its_arguments_and_weights():
    layer = keras.layers.BatchNormalization(epsilon=0.01, momentum=0.8, center=False)
    layer.build((None, 2))
    layer.set_weights([np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])])
    found = Normalization.of(layer)
    assert found.arguments == {"epsilon": 0.01, "momentum": 0.8, "center": False, "scale": True}
    assert [array.tolist() for array in found.weights] == [[1, 2], [3, 4], [5, 6]]
    assert {array.dtype.name for array in found.weights} == {"float64"}
