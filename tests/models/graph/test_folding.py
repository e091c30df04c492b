"""Folding of scales and offsets, only where it changes nothing else."""

import numpy as np

from mosaickd_tf.models.graph.folding import fold
from mosaickd_tf.models.graph.nodes import PER_CHANNEL_AFFINE, Node
from mosaickd_tf.models.graph.reading import read_nodes
from tests.compression import student


def affine(name, source, scale, offset):
    weights = [np.array(scale, "float64"), np.array(offset, "float64")]
    return Node(kind=PER_CHANNEL_AFFINE, name=name, inputs=[source], weights=weights)


def images():
    return Node(kind="InputLayer", name="images", inputs=[])


def test_a_convolution_absorbs_the_normalization_after_it():
    kernel, bias = np.array([[[[1.0, -2.0]]]]), np.array([0.5, 1.0])
    conv = Node(kind="Conv2D", name="conv", inputs=["images"], weights=[kernel, bias])
    relu = Node(kind="ReLU", name="relu", inputs=["norm"])
    nodes = fold([images(), conv, affine("norm", "conv", [2, 3], [1, -1]), relu])
    assert [node.name for node in nodes] == ["images", "conv", "relu"]
    np.testing.assert_array_equal(nodes[1].weights[0], [[[[2.0, -6.0]]]])
    np.testing.assert_array_equal(nodes[1].weights[1], [2.0, 2.0])
    assert nodes[2].inputs == ["conv"]


def test_a_depthwise_convolution_is_scaled_by_channel_and_multiple():
    kernel = np.ones((1, 1, 2, 2))
    conv = Node(
        kind="DepthwiseConv2D", name="conv", inputs=["images"], weights=[kernel, np.zeros(4)]
    )
    _, folded = fold([images(), conv, affine("norm", "conv", [1, 2, 3, 4], [0, 0, 0, 9])])
    np.testing.assert_array_equal(folded.weights[0][0, 0], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(folded.weights[1], [0, 0, 0, 9])


def test_scales_in_a_row_become_one():
    _, folded = fold([images(), affine("a", "images", [2], [1]), affine("b", "a", [3], [-1])])
    assert [array.tolist() for array in folded.weights] == [[6], [2]]


def test_what_others_read_too_is_left_as_it_is():
    conv = Node(kind="Conv2D", name="conv", inputs=["images"], weights=[np.ones(1), np.zeros(1)])
    add = Node(kind="Add", name="add", inputs=["conv", "norm"])
    nodes = fold([images(), conv, affine("norm", "conv", [2], [0]), add])
    assert [node.name for node in nodes] == ["images", "conv", "norm", "add"]


def test_of_a_pre_activation_block_the_first_normalization_stays():
    kept = {node.name: node.kind for node in fold(read_nodes(student()))}
    assert kept["block_norm"] == PER_CHANNEL_AFFINE
    assert "stem_norm" not in kept
    assert "standardization" not in kept  # one with the division by 255
