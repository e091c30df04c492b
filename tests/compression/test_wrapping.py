"""Kernels are wrapped in a copy; zeros are restored."""

import numpy as np
import tensorflow as tf

from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.compression.wrapping import has_kernel, restore_zeros, wrapped
from tests.compression import IMAGES, student


def test_convolutions_and_dense_layers_are_wrapped_and_the_model_stays_as_it_is():
    model, seen = to_tf_keras(student(), IMAGES), []
    copy = wrapped(model, lambda layer: seen.append(layer.name) or layer)
    assert seen == ["stem", "conv", "logits"]
    copy.get_layer("stem").kernel.assign(tf.zeros_like(copy.get_layer("stem").kernel))
    assert np.any(model.get_layer("stem").kernel)


def test_a_normalization_that_stands_alone_is_no_kernel():
    layers = tf_keras_module().layers
    assert has_kernel(layers.Conv2D(4, 3)) and has_kernel(layers.Dense(4))
    assert not has_kernel(layers.DepthwiseConv2D(1)) and not has_kernel(layers.ReLU())


def test_zeros_come_back_in_kernels_and_not_in_biases():
    model = to_tf_keras(student(), IMAGES)
    stem = model.get_layer("stem")
    kernel = stem.kernel.numpy()
    kernel[0] = 0
    stem.kernel.assign(kernel)
    stem.bias.assign(np.zeros(8))
    restore = restore_zeros(model)
    stem.kernel.assign(kernel + 1)
    stem.bias.assign(np.ones(8))
    tf.function(restore)()
    assert not np.any(stem.kernel[0])
    np.testing.assert_array_equal(stem.kernel[1:], kernel[1:] + 1)
    assert np.all(stem.bias.numpy() == 1)
