"""Reading of models as nodes, and refusals of layers that are unsupported."""

import operator

import keras
import numpy as np
import pytest
from keras import layers, ops

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.nodes import PER_CHANNEL_AFFINE
from mosaickd_tf.models.graph.reading import read_nodes
from tests.compression import SHAPE, student


def classifier(*inner, name="student"):
    """Builds a sequential classifier of these layers."""
    return keras.Sequential(
        [keras.Input(SHAPE), *inner, layers.GlobalAveragePooling2D(), layers.Dense(5)], name=name
    )


def kinds(model):
    return [node.kind for node in read_nodes(model)]


def test_each_layer_becomes_a_node_in_the_order_of_computation():
    names = [node.name for node in read_nodes(student())]
    assert names[:5] == ["images", "unit_images", "standardization", "stem", "stem_norm"]
    assert names[-1] == "logits"
    nodes = {node.name: node for node in read_nodes(student())}
    assert nodes["add"].inputs == ["stem_relu", "conv"]
    assert nodes["last"].arguments == {"max_value": 6.0}


def test_bytes_become_unit_images_and_are_standardized():
    nodes = {node.name: node for node in read_nodes(student())}
    scale, offset = nodes["standardization"].weights
    np.testing.assert_allclose(scale, 1 / np.array([0.2, 0.3, 0.25]), rtol=1e-6)
    np.testing.assert_allclose(offset, [-0.4 / 0.2, -0.5 / 0.3, -0.6 / 0.25], rtol=1e-6)
    assert not nodes["standardization"].trainable
    assert nodes["unit_images"].weights[0].tolist() == [1 / 255] * 3


def test_a_batch_normalization_is_kept_beside_its_scale_and_offset():
    nodes = {node.name: node for node in read_nodes(student())}
    found, layer = nodes["block_norm"].normalization, student().get_layer("block_norm")
    for array, expected in zip(found.weights, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)
    assert found.arguments["epsilon"] == layer.epsilon
    assert found.arguments["momentum"] == layer.momentum
    assert nodes["standardization"].normalization is None


def test_layers_without_effect_at_inference_leave_no_node():
    assert kinds(classifier(layers.Dropout(0.5), layers.Activation("linear"))) == [
        "InputLayer",
        PER_CHANNEL_AFFINE,
        "GlobalAveragePooling2D",
        "Dense",
    ]


def test_models_in_a_model_are_read_through_and_their_names_kept_apart():
    inner = classifier(layers.Conv2D(4, 1, name="conv"), name="inner")
    inputs = keras.Input(SHAPE)
    hidden = layers.Conv2D(3, 1, name="conv")(inputs)
    names = [node.name for node in read_nodes(keras.Model(inputs, inner(hidden)))]
    assert names[2:4] == ["conv", "conv_again"]


def test_an_activation_of_a_convolution_becomes_a_node_of_its_own():
    assert kinds(classifier(layers.Conv2D(4, 1, activation="relu")))[2:4] == ["Conv2D", "ReLU"]


def test_a_separable_convolution_becomes_the_two_that_it_consists_of():
    read = kinds(classifier(layers.SeparableConv2D(4, 3, activation="relu")))
    assert read[2:5] == ["DepthwiseConv2D", "Conv2D", "ReLU"]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.LeakyReLU(name="odd"), "Received: LeakyReLU"),
        (layers.ReLU(negative_slope=0.1, name="odd"), "slope 0.1"),
        (layers.Conv2D(4, 1, activation="gelu", name="odd"), "gelu"),
        (layers.BatchNormalization(axis=1, name="odd"), "axis 1"),
        (layers.Conv2DTranspose(4, 1, name="odd"), "Conv2DTranspose"),
    ],
)
def test_an_unsupported_layer_is_refused_with_its_name(layer, expected):
    with pytest.raises(RequestError, match="The layer 'odd' is unsupported") as caught:
        read_nodes(classifier(layer))
    assert expected in str(caught.value)


def test_a_layer_that_serves_twice_is_refused():
    twice = layers.Conv2D(3, 1, name="twice")
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, layers.Dense(5)(layers.Flatten()(twice(twice(inputs)))))
    with pytest.raises(RequestError, match="'twice'.*used once"):
        read_nodes(model)


def test_a_subclassed_model_is_refused():
    class Own(keras.Model):
        input_shape = (None, *SHAPE)

        def call(self, inputs):
            return inputs

    with pytest.raises(RequestError, match="functional or sequential"):
        read_nodes(Own())


@pytest.mark.parametrize(
    "operation, expected",
    [
        (lambda x: x * 0.5, "ops.Multiply"),
        (lambda x: x + 1.0, "ops.Add"),
        (lambda x: ops.multiply(x, ops.ones((8,))), "ops.Multiply"),
        (lambda x: ops.reshape(x, (-1, 4, 1, 2)), "ops.Reshape"),
        (ops.relu, "ops.Relu"),
    ],
)
def test_an_operation_that_no_layer_does_is_refused(operation, expected):
    inputs = keras.Input((8,))
    with pytest.raises(RequestError, match=f"Received: {expected}$"):
        read_nodes(keras.Model(inputs, operation(inputs)))


@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 1, 3)])
@pytest.mark.parametrize("kind, combine", [("Add", operator.add), ("Multiply", operator.mul)])
def test_a_sum_and_a_product_of_tensors_are_nodes(kind, combine, shape):
    inputs = keras.Input((8, 8, 3))
    other = layers.MaxPooling2D(8 // shape[0])(inputs)
    node = read_nodes(keras.Model(inputs, combine(inputs, other)))[-1]
    assert (node.kind, len(node.inputs), node.dtype) == (kind, 2, "float32")


def test_a_sum_of_tensors_of_other_ranks_is_refused():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, inputs + layers.Reshape((1, 3))(layers.MaxPooling2D(8)(inputs)))
    with pytest.raises(RequestError, match="of one rank"):
        read_nodes(model)
