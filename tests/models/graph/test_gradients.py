"""Detection of gradients through networks that are not known layer by layer."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from mosaickd_tf.models.graph.gradients import has_gradients


class _Within(layers.Layer):
    """Layer that calls a function of TensorFlow."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def call(self, images):
        return self._function(images)


def network(function, shape=(8, 8, 3)):
    images = keras.Input(shape)
    return keras.Model(images, _Within(function)(images))


def _quantized(images):
    return tf.cast(tf.cast(images * 255, tf.uint8), tf.float32)


def _outside(images):
    result = tf.numpy_function(lambda values: 2 * values, [images], tf.float32)
    return tf.ensure_shape(result, images.shape)


@tf.custom_gradient
def _refusing(images):
    def grad(upstream):
        raise LookupError("no gradient")

    return images * 1, grad


@pytest.mark.parametrize(
    "function, expected",
    [
        (tf.reduce_mean, True),
        (lambda images: 3 * images, True),
        (_quantized, False),
        (_outside, False),
        (_refusing, False),
        (lambda images: tf.argmax(images, axis=-1), False),
        (lambda images: [tf.round(images), tf.exp(images)], True),
    ],
)
def test_gradients_flow_where_any_output_depends_on_the_images(function, expected):
    assert has_gradients(network(function)) is expected


def test_sides_that_are_open_are_tried_until_one_is_large_enough():
    images = keras.Input((None, None, 3))
    hidden = layers.Conv2D(2, 33)(images)
    assert has_gradients(keras.Model(images, layers.GlobalAveragePooling2D()(hidden)))


def test_a_network_that_takes_no_side_has_none():
    def failing(images):
        raise ValueError("no such images")

    model = network(tf.identity, (None, None, 3))
    model.layers[-1]._function = failing
    assert not has_gradients(model)
