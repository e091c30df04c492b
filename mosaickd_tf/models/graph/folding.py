"""Normalisations disappear into the convolutions before them."""

import functools

from mosaickd_tf.models.graph.copies import portable_copy
from mosaickd_tf.models.graph.nodes import PER_CHANNEL_AFFINE, build, read_nodes


def folded_copy(model, library):
    """Carries a classifier over to convolutions with bias and no normalisations.

    A scale and offset that no convolution can take in becomes a depthwise convolution of one
    pixel, which is one operation where integers compute, and can be quantised in training.

    Args:
        model: a functional or sequential Keras 3 model from unit images to logits.
        library: the module `keras` or `tf_keras`.

    Returns:
        A functional float32 model of that library from float images in [0, 255] to logits, its
        layers named after the model's.

    Raises:
        RequestError: for a layer that cannot be carried over, with its name.
    """
    nodes = fold(read_nodes(portable_copy(model)))
    return build(nodes, library, model.name, functools.partial(_depthwise, library.layers))


def unfolded_copy(model, library):
    """Carries a classifier over with its batch normalisations, which can go on learning.

    Args, result and errors are those of `folded_copy`.
    """
    nodes = read_nodes(portable_copy(model))
    return build(nodes, library, model.name, functools.partial(_normalization, library.layers))


def fold(nodes):
    """Folds each scale and offset into what comes before it, where that serves nothing else.

    A batch normalisation behind a convolution becomes part of its kernel and bias; two scales
    and offsets in a row become one. One that stands alone, as before the ReLU of a
    pre-activation block, stays.

    Args:
        nodes: a list of `Node` as `read_nodes` gives it; changed in place.

    Returns:
        The nodes that are left, in order.
    """
    kept = {}
    instead = {}  # name of a folded node: that of the node which does its work
    for node in nodes:
        node.inputs = [instead.get(name, name) for name in node.inputs]
        before = kept.get(node.inputs[0]) if node.kind == PER_CHANNEL_AFFINE else None
        if before and before.kind in _ABSORB and _users(before, nodes, instead) == 1:
            before.weights = _ABSORB[before.kind](*before.weights, *node.weights)
            before.trainable |= node.trainable
            instead[node.name] = before.name
        else:
            kept[node.name] = node
    return list(kept.values())


def _users(node, nodes, instead):
    """How often the output of a node is taken by nodes that are left."""
    left = [other for other in nodes if other.name not in instead]
    return sum(instead.get(name, name) == node.name for other in left for name in other.inputs)


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
    """As `_depthwise`, but a batch normalisation stays what it is."""
    if node.normalization is None:
        return _depthwise(layers, node, tensor)
    layer = layers.BatchNormalization(name=node.name, **node.normalization.arguments)
    return layer, node.normalization.weights, layer(tensor)


def _depthwise(layers, node, tensor):
    """The layer, which wants maps, that is a scale and offset; its weights; what it gives."""
    layer = layers.DepthwiseConv2D(1, name=node.name, trainable=node.trainable)
    scale, offset = node.weights
    weights = [scale.reshape(1, 1, -1, 1), offset]
    if len(tensor.shape) == 4:
        return layer, weights, layer(tensor)
    pixel = layers.Reshape((1, 1, tensor.shape[-1]), name=f"{node.name}_pixel")(tensor)
    return layer, weights, layers.Flatten(name=f"{node.name}_features")(layer(pixel))
