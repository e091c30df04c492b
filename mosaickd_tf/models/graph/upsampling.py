"""Doubling the resolution and convolving as one operation, for the time of training."""

import collections

import keras
import numpy as np
import tensorflow as tf

from mosaickd_tf.models.graph.activations import leaves

# Which taps of a row of 3 each of 4 adds up; turned, because a transposed convolution spreads a
# pixel out. Then the same of rows and columns at once, 16 sums of 9 taps.
_SUMS_OF_A_ROW = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], "float32")
_SUMS = np.kron(_SUMS_OF_A_ROW, _SUMS_OF_A_ROW)


def upsampling_convolution(maps, kernel):
    """Nearest-neighbour doubling and a convolution of 3x3, with 4 of 9 multiplications.

    Where pixels come in equal pairs, three taps of a row meet two values only. So the kernel's
    taps are added up first, and each output pixel takes 2x2 sums times the maps as they were:
    a transposed convolution of 4x4 with stride 2.

    Args:
        maps: `(batch, height, width, channels)`.
        kernel: `(3, 3, channels, filters)`.

    Returns:
        `(batch, 2 height, 2 width, filters)`: what "same" convolution gives for the doubled maps,
        to rounding.
    """
    channels, filters = kernel.shape[2:]
    taps = tf.reshape(tf.transpose(tf.cast(kernel, "float32"), [0, 1, 3, 2]), (9, -1))
    sums = tf.reshape(tf.matmul(_SUMS, taps), (4, 4, filters, channels))
    batch, height, width, _ = tf.unstack(tf.shape(maps))
    outputs = tf.nn.conv2d_transpose(
        maps,
        tf.cast(sums, maps.dtype),
        tf.stack([batch, 2 * height, 2 * width, filters]),
        strides=2,
        padding="SAME",
    )
    return tf.ensure_shape(outputs, _doubled(maps.shape, filters))


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class UpsamplingConv2D(keras.layers.Conv2D):
    """Keras's layer, with the same weights, behind a doubling that it does itself."""

    def convolution_op(self, inputs, kernel):
        """Doubles and convolves."""
        return upsampling_convolution(inputs, kernel)

    def compute_output_shape(self, input_shape):
        """That of the convolution of the doubled maps."""
        return tuple(_doubled(input_shape, self.filters))


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class DeferredUpSampling2D(keras.layers.UpSampling2D):
    """Keras's layer where the convolution behind it does its work."""

    def call(self, inputs):
        """Leaves the maps as they are."""
        return inputs

    def compute_output_shape(self, input_shape):
        """That of the maps."""
        return input_shape


def fusable_upsampling(model):
    """Names of the doublings of a model that a convolution can do, and of those convolutions.

    Args:
        model: a Keras model; one that is not functional has none.

    Returns:
        A set of names of layers, at any depth of nested models; no other layer has them.
    """
    pairs, models = [], [model]
    while models:
        functional = models.pop()
        levels = getattr(functional, "_nodes_by_depth", {}).values()
        nodes = [node for level in levels for node in level]
        models += {n.operation for n in nodes if isinstance(n.operation, keras.Model)}
        pairs += _pairs(nodes, {id(tensor) for tensor in functional.outputs} if nodes else set())
    named = collections.Counter(layer.name for layer in leaves(model))
    alone = [pair for pair in pairs if all(named[layer.name] == 1 for layer in pair)]
    return {layer.name for pair in alone for layer in pair}


def _pairs(nodes, outputs):
    """Doublings in a graph that nothing but one convolution reads, each with that one."""
    uses = collections.Counter(node.operation for node in nodes)
    for node in nodes:
        given = {id(tensor) for tensor in node.output_tensors}
        readers = [n.operation for n in nodes if given & {id(t) for t in n.input_tensors}]
        pair = (node.operation, *readers)
        if len(pair) == 2 and not given & outputs and _doubles(pair[0]) and _follows(pair[1]):
            if all(uses[layer] == 1 for layer in pair):
                yield pair


def _doubles(layer):
    return (
        type(layer) is keras.layers.UpSampling2D
        and (tuple(layer.size), layer.interpolation) == ((2, 2), "nearest")
        and layer.data_format == "channels_last"
    )


def _follows(layer):
    return (
        type(layer) is keras.layers.Conv2D
        and (layer.kernel_size, layer.strides, layer.dilation_rate) == ((3, 3), (1, 1), (1, 1))
        and (layer.padding, layer.groups, layer.data_format) == ("same", 1, "channels_last")
    )


def _doubled(shape, filters):
    batch, height, width, _ = shape
    return [batch, height and 2 * height, width and 2 * width, filters]
