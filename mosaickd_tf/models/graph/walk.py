"""Access to the graph of a Keras model: its layers, and the calls that connect them.

Keras has no public API for the calls of a model's layers. This is the only module of the package
that reads private attributes of Keras for them; the others use its functions. A "node" here is
Keras's own: one call of a layer or operation, with `operation`, `input_tensors` and
`output_tensors`.
"""

import keras


def leaf_layers(model):
    """Lists the layers of a model that contain no other layers.

    Args:
        model: a Keras model of any kind, or a layer.

    Returns:
        A list of layers at any depth of nested or subclassed models, each once, in no particular
        order.
    """
    return [layer for layer in model._flatten_layers() if not getattr(layer, "layers", None)]


def layers_in_order(model):
    """Iterates over the layers of a model, and of the models in it, in the order of computation.

    Args:
        model: a functional or sequential Keras model.

    Yields:
        Layers; a nested model is replaced by its layers.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_in_order(layer)
        else:
            yield layer


def graph_nodes(model):
    """Lists the calls that make up a functional model, without those inside nested models.

    Args:
        model: a Keras model.

    Returns:
        A list of Keras nodes; empty for a model that is not functional.
    """
    levels = getattr(model, "_nodes_by_depth", {}).values()
    return [node for level in levels for node in level]


def producer(tensor):
    """Returns the Keras node whose output a symbolic tensor of a functional model is."""
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def output_index(tensor):
    """Returns the number of a symbolic tensor among the outputs of the layer that made it."""
    return tensor._keras_history.tensor_index


def call_again(node, layer):
    """Calls a layer as the layer of a Keras node was called, on the same symbolic tensors."""
    return layer(*node.arguments.args, **node.arguments.kwargs)


def consumers(node, nodes):
    """Lists the nodes among `nodes` that take an output of a Keras node."""
    outputs = {id(tensor) for tensor in node.output_tensors}
    return [other for other in nodes if outputs & {id(t) for t in other.input_tensors}]
