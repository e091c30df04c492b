"""Cost of a model: parameters, multiply-accumulates and activations."""

import math

import keras
from keras import layers

from mosaickd_tf.models.graph.walk import leaf_layers

_STATISTICS = ("moving_mean", "moving_variance", "mean", "variance", "count")


def parameters(model):
    """Counts the trainable parameters, whether or not they are frozen now, as papers do."""
    return sum(
        math.prod(weight.shape)
        for layer in leaf_layers(model)
        for weight in layer.weights
        if weight.name not in _STATISTICS
    )


def macs(model):
    """Counts the multiply-accumulates of one image in convolutions and dense layers.

    Args:
        model: a functional or sequential Keras model.

    Returns:
        An integer, or None for a model with a black box, or with weights in a layer of another
        kind, normalizations aside.
    """
    total = 0
    for layer in leaf_layers(model):
        if isinstance(layer, layers.SeparableConv2D):
            positions = math.prod(layer.output.shape[1:3])
            kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
            total += positions * sum(math.prod(kernel.shape) for kernel in kernels)
        elif isinstance(layer, layers.Conv2DTranspose):
            total += math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.DepthwiseConv2D | layers.Conv2D):
            positions = math.prod(layer.output.shape[1:3])
            total += positions * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Dense):
            total += math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
        elif getattr(layer, "is_black_box", False):
            return None
        elif layer.weights and not isinstance(
            layer, layers.BatchNormalization | layers.Normalization
        ):
            return None
    return total


def activations(model):
    """Counts the numbers that the layers of a model return for one image.

    Args:
        model: a functional or sequential Keras model.

    Returns:
        An integer; inputs, and layers of unknown output shape, do not count.
    """
    shapes = [
        output.shape[1:]
        for layer in leaf_layers(model)
        if not isinstance(layer, layers.InputLayer)
        for output in keras.tree.flatten(getattr(layer, "output", ()))
    ]
    return sum(math.prod(shape) for shape in shapes if None not in shape)
