"""Folding of normalizations into the convolutions before them."""

import functools

from mosaickd_tf.models.graph.copies import portable_copy
from mosaickd_tf.models.graph.nodes import PER_CHANNEL_AFFINE, build_model
from mosaickd_tf.models.graph.reading import read_nodes


def folded_copy(model, library):
    """Copies a classifier as convolutions with bias and without normalizations.

    A scale and offset that no convolution can absorb becomes a 1x1 depthwise convolution, which
    is one operation in integer arithmetic and supports quantization-aware training.

    Args:
        model: a functional or sequential Keras 3 model from unit images to logits.
        library: the module `keras` or `tf_keras`.

    Returns:
        A functional float32 model of that library from float images in [0, 255] to logits, its
        layers named after the model's.

    Raises:
        RequestError: for an unsupported layer, with its name.
    """
    nodes = fold(read_nodes(portable_copy(model)))
    return build_model(nodes, library, model.name, functools.partial(_depthwise, library.layers))


def unfolded_copy(model, library):
    """Copies a classifier with its batch normalizations, which can be trained further.

    Arguments, result and errors are those of `folded_copy`.
    """
    nodes = read_nodes(portable_copy(model))
    affine = functools.partial(_normalization, library.layers)
    return build_model(nodes, library, model.name, affine)


def fold(nodes):
    """Folds each scale and offset into the node before it, where no other node reads that one.

    A batch normalization after a convolution becomes part of its kernel and bias; two scales
    and offsets in a row become one. One that follows neither, as before the ReLU of a
    pre-activation block, stays.

    Args:
        nodes: a list of `Node` from `read_nodes`; changed in place.

    Returns:
        The remaining nodes, in order.
    """
    kept = {}
    absorbed = {}  # name of a folded node -> name of the node that absorbed it
    for node in nodes:
        node.inputs = [absorbed.get(name, name) for name in node.inputs]
        before = kept.get(node.inputs[0]) if node.kind == PER_CHANNEL_AFFINE else None
        if before and before.kind in _ABSORB and _uses(before, nodes, absorbed) == 1:
            before.weights = _ABSORB[before.kind](*before.weights, *node.weights)
            before.trainable |= node.trainable
            absorbed[node.name] = before.name
        else:
            kept[node.name] = node
    return list(kept.values())


def _uses(node, nodes, absorbed):
    """Counts how often the remaining nodes take the output of a node."""
    left = [other for other in nodes if other.name not in absorbed]
    return sum(absorbed.get(name, name) == node.name for other in left for name in other.inputs)


def _into_last_axis(kernel, bias, scale, offset):
    return [kernel * scale, bias * scale + offset]


def _into_depthwise(kernel, bias, scale, offset):
    return [kernel * scale.reshape(kernel.shape[2:]), bias * scale + offset]


_ABSORB = {
    PER_CHANNEL_AFFINE: _into_last_axis,
    "Conv2D": _into_last_axis,
    "Dense": _into_last_axis,
    "DepthwiseConv2D": _into_depthwise,
}


def _normalization(layers, node, tensor):
    """Builds a node as `_depthwise` does, but keeps batch normalizations."""
    if node.normalization is None:
        return _depthwise(layers, node, tensor)
    layer = layers.BatchNormalization(name=node.name, **node.normalization.arguments)
    return layer, node.normalization.weights, layer(tensor)


def _depthwise(layers, node, tensor):
    """Builds a scale and offset as a depthwise convolution, of vectors as of 1x1 maps.

    Returns:
        The layer, its weights, and the output tensor.
    """
    layer = layers.DepthwiseConv2D(1, name=node.name, trainable=node.trainable)
    scale, offset = node.weights
    weights = [scale.reshape(1, 1, -1, 1), offset]
    if len(tensor.shape) == 4:
        return layer, weights, layer(tensor)
    pixel = layers.Reshape((1, 1, tensor.shape[-1]), name=f"{node.name}_pixel")(tensor)
    return layer, weights, layers.Flatten(name=f"{node.name}_features")(layer(pixel))
