"""A classifier as a list of nodes, independent of the Keras that it came from."""

import dataclasses

import numpy as np

UNIT_IMAGES = "unit_images"  # name of the node that scales bytes to unit images
PER_CHANNEL_AFFINE = "affine"  # x · scale + offset per channel; the two are its weights


@dataclasses.dataclass(kw_only=True)
class Node:
    """One layer.

    Attributes:
        kind: name of a class of Keras layers, or `PER_CHANNEL_AFFINE`.
        name: name of the layer.
        inputs: names of the nodes whose outputs it takes; empty for the images.
        arguments: constructor arguments of the layer.
        weights: float64 arrays: kernel and bias, or scale and offset; may be empty.
        trainable: whether training may change the weights.
        dtype: dtype in which the layer computes.
        normalization: for a `PER_CHANNEL_AFFINE` node read from a batch normalization, that
            layer; else None.
    """

    kind: str
    name: str
    inputs: list
    arguments: dict = dataclasses.field(default_factory=dict)
    weights: list = dataclasses.field(default_factory=list)
    trainable: bool = True
    dtype: str = "float32"
    normalization: "Normalization | None" = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Normalization:
    """A batch normalization.

    Attributes:
        arguments: constructor arguments of the layer.
        weights: gamma and beta if it has them, then mean and variance; float64.
    """

    arguments: dict
    weights: list

    @classmethod
    def of(cls, layer):
        """Reads a Keras 3 `BatchNormalization`."""
        return cls(
            arguments={
                name: getattr(layer, name) for name in ("epsilon", "momentum", "center", "scale")
            },
            weights=[np.asarray(array, "float64") for array in layer.get_weights()],
        )


def build_model(nodes, library, name, affine, keep_dtypes=False):
    """Builds a functional model of `keras` or `tf_keras` from nodes.

    Args:
        nodes: a list of `Node`, folded or not; the first is the `InputLayer` called `images`.
        library: the module `keras` or `tf_keras`.
        name: name of the model.
        affine: function of a `PER_CHANNEL_AFFINE` node and its input tensor that returns the
            layer that computes it, the weights of that layer, and the output tensor.
        keep_dtypes: whether layers compute, and store their weights, in the dtypes of the nodes.

    Returns:
        A model from the nodes' images to the output of the last node.
    """
    tensors, weighted = {}, []
    for node in nodes:
        inputs = [tensors[source] for source in node.inputs]
        if node.kind == "InputLayer":
            tensors[node.name] = library.Input(node.arguments["shape"], name=node.name)
        elif node.kind == PER_CHANNEL_AFFINE:
            layer, weights, tensors[node.name] = affine(node, inputs[0])
            weighted.append((layer, weights))
        else:
            dtype = {"dtype": node.dtype} if keep_dtypes else {}
            layer = getattr(library.layers, node.kind)(name=node.name, **node.arguments, **dtype)
            weighted.append((layer, node.weights))
            tensors[node.name] = layer(inputs if len(inputs) > 1 else inputs[0])
    model = library.Model(tensors["images"], tensors[nodes[-1].name], name=name)
    for layer, weights in weighted:
        layer.set_weights([array.astype("float32") for array in weights])
    return model
