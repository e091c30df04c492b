"""Whether gradients flow from the outputs of a model to its images."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from mosaickd_tf.models.graph.gradients import has_gradients


class Rounded(layers.Layer):
    def call(self, inputs):
        return tf.cast(tf.cast(inputs, "int32"), "float32")


def network(*between, shape=(8, 8, 3), first=()):
    hidden = images = keras.Input(shape)
    for layer in (*first, layers.Conv2D(4, 3, padding="same"), *between):
        hidden = layer(hidden)
    return keras.Model(images, layers.GlobalAveragePooling2D()(hidden))


def test_they_flow_through_usual_layers():
    assert has_gradients(network(layers.ReLU(), layers.BatchNormalization()))


def test_they_do_not_flow_through_integers():
    assert not has_gradients(network(Rounded()))


def test_one_output_with_gradients_is_enough():
    inner = network()
    rounded = Rounded()(inner.output)
    assert has_gradients(keras.Model(inner.input, [rounded, inner.output]))


def test_outputs_of_integers_have_none():
    inner = network()
    assert not has_gradients(keras.Model(inner.input, keras.ops.argmax(inner.output, axis=-1)))


@pytest.mark.parametrize("smallest", [32, 128])
def test_of_open_sides_one_is_tried_that_is_large_enough(smallest):
    pools = [layers.AveragePooling2D(2) for _ in range(smallest.bit_length() - 1)]
    assert has_gradients(network(*pools, shape=(None, None, 3)))
