"""Fused upsampling and convolution against the two layers of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from mosaickd_tf.models import portable_copy, training_copy
from mosaickd_tf.models.graph.upsampling import (
    DeferredUpSampling2D,
    UpsamplingConv2D,
    fusable_upsampling,
    upsampling_convolution,
)
from mosaickd_tf.utils import machine

RNG = np.random.RandomState(4)
MAPS = RNG.standard_normal((2, 4, 6, 5)).astype("float32")
KERNEL = RNG.standard_normal((3, 3, 5, 7)).astype("float32")


def by_hand(maps, kernel):
    """Computes the upsampled, padded maps and a sum over the nine taps, in float64."""
    doubled = np.pad(maps.repeat(2, 1).repeat(2, 2), [(0, 0), (1, 1), (1, 1), (0, 0)])
    doubled, kernel = doubled.astype("float64"), kernel.astype("float64")
    height, width = 2 * maps.shape[1], 2 * maps.shape[2]
    windows = [
        doubled[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)
    ]
    return sum(windows)


def test_it_is_the_convolution_of_the_doubled_maps():
    np.testing.assert_allclose(
        upsampling_convolution(tf.constant(MAPS), KERNEL), by_hand(MAPS, KERNEL), atol=2e-5
    )


def test_in_low_precision_it_is_as_near_as_the_two_layers():
    exact = by_hand(MAPS, KERNEL)
    maps, kernel = tf.cast(MAPS, "bfloat16"), tf.cast(KERNEL, "bfloat16")
    ours = upsampling_convolution(maps, kernel)
    doubled = tf.repeat(tf.repeat(maps, 2, axis=1), 2, axis=2)
    keras_s = tf.nn.conv2d(doubled, kernel, 1, "SAME")
    errors = [np.abs(np.asarray(y, "float64") - exact).mean() for y in (ours, keras_s)]
    # A processor without bfloat16 rounds the sums of a transposed convolution on their way.
    limit = 1.3 if machine.resolve_precision("auto") == "mixed_bfloat16" else 2.0
    assert ours.dtype == "bfloat16" and errors[0] < limit * errors[1]


def decoder(interpolation="nearest", size=2, name="conv", **arguments):
    """Builds a model of an upsampling and a convolution with the given arguments."""
    arguments = {"kernel_size": 3, "padding": "same", "activation": "relu"} | arguments
    inputs = keras.Input((4, 6, 5))
    hidden = layers.UpSampling2D(size, interpolation=interpolation, name=f"{name}_double")(inputs)
    return keras.Model(inputs, layers.Conv2D(7, name=name, **arguments)(hidden))


def kinds(model):
    return [type(layer) for layer in model.layers[1:]]


def test_in_a_training_copy_the_convolution_doubles_and_in_a_portable_one_it_does_not():
    model = decoder(bias_initializer="ones")
    fused = training_copy(model)
    assert kinds(fused) == [DeferredUpSampling2D, UpsamplingConv2D]
    assert kinds(portable_copy(fused)) == kinds(model) == [layers.UpSampling2D, layers.Conv2D]
    assert fused.output_shape == model.output_shape == (None, 8, 12, 7)
    for copy in (fused, portable_copy(fused), training_copy(fused)):
        np.testing.assert_allclose(copy(MAPS), model(MAPS), atol=1e-5)


def test_gradients_are_those_of_the_two_layers():
    model = decoder(activation=None)
    gradients = []
    for network in (model, training_copy(model)):
        maps = tf.constant(MAPS)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = tf.reduce_sum(tf.sin(network(maps)))
        gradients.append(tape.gradient(loss, [maps, *network.trainable_variables]))
    for ours, keras_s in zip(gradients[1], gradients[0], strict=True):
        np.testing.assert_allclose(ours, keras_s, atol=2e-4)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 5},
        {"strides": 2},
        {"padding": "valid"},
        {"dilation_rate": 2},
        {"size": 3},
        {"interpolation": "bilinear"},
    ],
)
def test_other_pairs_are_left_as_they_are(arguments):
    model = decoder(**arguments)
    assert fusable_upsampling(model) == set()
    assert kinds(training_copy(model)) == kinds(model)


def test_a_doubling_that_others_read_too_is_left():
    inputs = keras.Input((4, 4, 3))
    doubled = layers.UpSampling2D(2)(inputs)
    convolved = layers.Conv2D(3, 3, padding="same")(doubled)
    assert fusable_upsampling(keras.Model(inputs, layers.Add()([doubled, convolved]))) == set()
    assert fusable_upsampling(keras.Model(inputs, [doubled, convolved])) == set()


def test_models_in_a_model_are_looked_into_and_names_that_two_layers_have_are_left():
    inputs = keras.Input((4, 6, 5))
    once = keras.Model(inputs, layers.Flatten()(decoder()(inputs)))
    assert fusable_upsampling(once) == {"conv", "conv_double"}
    other = layers.Conv2D(5, 3, padding="same", name="conv")(inputs)
    assert fusable_upsampling(keras.Model(inputs, decoder()(other))) == set()


def test_a_subclassed_model_has_none():
    class Own(keras.Model):
        pass

    assert fusable_upsampling(Own()) == set()
