"""Upsampling and convolution fused into one operation, for training."""

import collections

import keras
import numpy as np
import tensorflow as tf

from mosaickd_tf.models.graph.walk import consumers, graph_nodes, leaf_layers

# Each row says which of the 3 taps of a kernel's row one of 4 taps sums; mirrored, because a
# transposed convolution scatters a pixel. Then for rows and columns at once: 16 sums of 9 taps.
_SUMS_OF_A_ROW = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], "float32")
_SUMS = np.kron(_SUMS_OF_A_ROW, _SUMS_OF_A_ROW)


def upsampling_convolution(maps, kernel):
    """Computes 2x nearest-neighbor upsampling and a 3x3 convolution in 4/9 of the operations.

    In upsampled maps pixels come in equal pairs, so three taps of a row see two values only.
    The kernel's taps are therefore summed first, and each output pixel takes 2x2 sums times the
    original maps: a 4x4 transposed convolution with stride 2.

    Args:
        maps: `(batch, height, width, channels)`.
        kernel: `(3, 3, channels, filters)`.

    Returns:
        `(batch, 2 height, 2 width, filters)`: the "same" convolution of the upsampled maps, to
        rounding.
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
    return tf.ensure_shape(outputs, _upsampled_shape(maps.shape, filters))


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class UpsamplingConv2D(keras.layers.Conv2D):
    """`Conv2D` with the same weights that also does the upsampling before it."""

    def convolution_op(self, inputs, kernel):
        """Upsamples and convolves."""
        return upsampling_convolution(inputs, kernel)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the convolution of the upsampled maps."""
        return tuple(_upsampled_shape(input_shape, self.filters))


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class DeferredUpSampling2D(keras.layers.UpSampling2D):
    """`UpSampling2D` that leaves the upsampling to the convolution after it."""

    def call(self, inputs):
        """Returns the maps unchanged."""
        return inputs

    def compute_output_shape(self, input_shape):
        """Returns the shape of the maps."""
        return input_shape


def fusable_upsampling(model):
    """Finds the upsampling layers that the convolution after them can do, and those convolutions.

    Args:
        model: a Keras model; one that is not functional has none.

    Returns:
        A set of layer names, at any depth of nested models; each is the name of one layer only.
    """
    pairs, models = [], [model]
    while models:
        functional = models.pop()
        nodes = graph_nodes(functional)
        models += {n.operation for n in nodes if isinstance(n.operation, keras.Model)}
        pairs += _pairs(nodes, {id(tensor) for tensor in functional.outputs} if nodes else set())
    count = collections.Counter(layer.name for layer in leaf_layers(model))
    unambiguous = [pair for pair in pairs if all(count[layer.name] == 1 for layer in pair)]
    return {layer.name for pair in unambiguous for layer in pair}


def _pairs(nodes, outputs):
    """Yields each upsampling layer whose only consumer is a convolution, with that convolution."""
    uses = collections.Counter(node.operation for node in nodes)
    for node in nodes:
        pair = (node.operation, *(other.operation for other in consumers(node, nodes)))
        is_output = any(id(tensor) in outputs for tensor in node.output_tensors)
        if len(pair) == 2 and not is_output and _doubles(pair[0]) and _is_fusable_conv(pair[1]):
            if all(uses[layer] == 1 for layer in pair):
                yield pair


def _doubles(layer):
    return (
        type(layer) is keras.layers.UpSampling2D
        and (tuple(layer.size), layer.interpolation) == ((2, 2), "nearest")
        and layer.data_format == "channels_last"
    )


def _is_fusable_conv(layer):
    return (
        type(layer) is keras.layers.Conv2D
        and (layer.kernel_size, layer.strides, layer.dilation_rate) == ((3, 3), (1, 1), (1, 1))
        and (layer.padding, layer.groups, layer.data_format) == ("same", 1, "channels_last")
    )


def _upsampled_shape(shape, filters):
    batch, height, width, _ = shape
    return [batch, height and 2 * height, width and 2 * width, filters]
