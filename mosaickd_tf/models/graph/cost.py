"""What a network costs: parameters and multiply-accumulates."""

import math

from keras import layers

from mosaickd_tf.models.graph.activations import leaves

_STATISTICS = ("moving_mean", "moving_variance", "mean", "variance", "count")


def parameters(model):
    """Number of parameters that training moves, frozen or not, as papers count them."""
    return sum(
        math.prod(weight.shape)
        for layer in leaves(model)
        for weight in layer.weights
        if weight.name not in _STATISTICS
    )


def macs(model):
    """Multiply-accumulates of one image through convolutions and dense layers.

    Args:
        model: a functional or sequential Keras model.

    Returns:
        An integer, or None when a layer with weights is of a kind that is not counted here.
    """
    total = 0
    for layer in leaves(model):
        if isinstance(layer, layers.DepthwiseConv2D | layers.Conv2D):
            positions = math.prod(layer.output.shape[1:3])
            total += positions * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Dense):
            total += math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
        elif layer.weights and not isinstance(
            layer, layers.BatchNormalization | layers.Normalization
        ):
            return None
    return total
