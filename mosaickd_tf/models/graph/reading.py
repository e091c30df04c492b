"""Reading of a Keras 3 classifier as a list of nodes."""

import keras
import numpy as np
from keras import tree

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.nodes import PER_CHANNEL_AFFINE, UNIT_IMAGES, Node, Normalization
from mosaickd_tf.models.graph.walk import graph_nodes

# Layers without weights, each with the constructor arguments to copy.
_PLAIN = {
    "Add": (),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "Concatenate": ("axis",),
    "Flatten": (),
    "GlobalAveragePooling2D": ("keepdims",),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "Multiply": (),
    "Reshape": ("target_shape",),
    "Resizing": ("height", "width", "interpolation"),
    "ZeroPadding2D": ("padding",),
}
_KERNELS = {
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups"),
    "DepthwiseConv2D": ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier"),
    "Dense": ("units",),
}
_IDENTITIES = ("Dropout", "SpatialDropout2D", "GaussianNoise", "Identity")  # at inference


def read_nodes(model, max_pixel=255.0):
    """Reads a classifier of unit images as nodes from images in [0, max_pixel] to logits.

    Args:
        model: a functional or sequential Keras 3 model, with or without nested models.
        max_pixel: value of a pixel of the nodes' images that stands for 1 in unit images.

    Returns:
        A list of `Node` in the order of computation; the last gives the logits.

    Raises:
        RequestError: for an unsupported layer, with its name.
    """
    _check_readable(model)
    images = Node(
        kind="InputLayer", name="images", inputs=[], arguments={"shape": model.input_shape[1:]}
    )
    scale = Node(
        kind=PER_CHANNEL_AFFINE,
        name=UNIT_IMAGES,
        inputs=["images"],
        weights=[np.full(model.input_shape[-1], 1 / max_pixel), np.zeros(model.input_shape[-1])],
        trainable=False,
    )
    first = [images] if max_pixel == 1 else [images, scale]
    reader = _Reader(first)
    last = reader.walk(model, [first[-1].name])
    if reader.nodes[-1].name != last:
        raise RequestError(f"Layers of {model.name!r} follow its output. Expected none")
    return reader.nodes


class _Reader:
    """Reader that appends a node for each layer of a model and of the models in it."""

    def __init__(self, nodes):
        self.nodes = nodes

    def walk(self, model, inputs):
        """Reads one model; returns the name of the node that gives its output."""
        _check_readable(model)
        functional = keras.Model(model.inputs, model.outputs)
        names = dict(zip((id(t) for t in functional.inputs), inputs, strict=True))
        for layer in functional.operations:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            tensors, output = _inputs_and_output(layer, functional)
            names[id(output)] = self._read(layer, [names[id(tensor)] for tensor in tensors])
        return names[id(functional.outputs[0])]

    def _read(self, layer, inputs):
        kind = type(layer).__name__
        if not isinstance(layer, keras.layers.Layer):
            return self._operation(kind, layer, inputs)
        if isinstance(layer, keras.Model):
            return self.walk(layer, inputs)
        if getattr(layer, "data_format", "channels_last") != "channels_last":
            raise _unsupported(layer, "channels as the last axis", layer.data_format)
        if kind in _IDENTITIES:
            return inputs[0]
        if kind == "Resizing" and _is_more_than_bilinear(layer):
            raise _unsupported(layer, "resizing to the whole of a larger image", "another kind")
        if kind in _PLAIN:
            return self._add(kind, layer, inputs, _arguments(layer, _PLAIN[kind]))
        if _is_affine(layer):  # as models of `folded_copy` contain
            weights = [_double(array).reshape(-1) for array in layer.get_weights()]
            return self._add(PER_CHANNEL_AFFINE, layer, inputs, {}, weights, layer.trainable)
        if kind in _KERNELS:
            return self._kernel(kind, layer, inputs)
        if kind == "SeparableConv2D":
            return self._separable(layer, inputs)
        if kind in _AFFINES:
            normalizes = isinstance(layer, keras.layers.BatchNormalization)
            weights = list(_AFFINES[kind](layer))
            name = self._add(PER_CHANNEL_AFFINE, layer, inputs, {}, weights, normalizes)
            if normalizes:
                self.nodes[-1].normalization = Normalization.of(layer)
            return name
        if kind == "ReLU":
            return self._relu(layer, inputs)
        if kind == "Activation":
            return self._activation(layer, "", inputs)
        raise _unsupported(layer, f"layers of {', '.join(sorted(_supported_layers()))}", kind)

    def _operation(self, kind, operation, inputs):
        """Reads `x + y` or `x * y` as the layer of the same name; other operations have none."""
        ranks = {len(tensor.shape) for tensor in tree.flatten(operation.input)}
        if kind not in ("Add", "Multiply") or len(inputs) != 2 or len(ranks) != 1:
            raise _unsupported(
                operation, "a layer, or x + y or x * y of two tensors of one rank", f"ops.{kind}"
            )
        return self._add(kind, operation, inputs)

    def _add(self, kind, layer, inputs, arguments=None, weights=(), trainable=True, suffix=""):
        name = layer.name + suffix
        while name in {node.name for node in self.nodes}:  # nested models may repeat names
            name += "_again"
        node = Node(kind=kind, name=name, inputs=inputs, weights=list(weights))
        node.arguments, node.trainable = arguments or {}, trainable
        node.dtype = getattr(layer, "compute_dtype", None) or layer.output.dtype
        self.nodes.append(node)
        return name

    def _kernel(self, kind, layer, inputs):
        kernel, *bias = [_double(variable) for variable in layer.get_weights()]
        outputs = int(np.prod(kernel.shape[2:])) if kind == "DepthwiseConv2D" else kernel.shape[-1]
        weights = [kernel, bias[0] if bias else np.zeros(outputs)]
        name = self._add(kind, layer, inputs, _arguments(layer, _KERNELS[kind]), weights)
        return self._activation(layer, "_activation", [name])

    def _separable(self, layer, inputs):
        """Reads a separable convolution as the two that it consists of."""
        kernel, pointwise, *bias = [_double(variable) for variable in layer.get_weights()]
        weights = [kernel, np.zeros(int(np.prod(kernel.shape[2:])))]
        arguments = _arguments(layer, _KERNELS["DepthwiseConv2D"])
        first = self._add("DepthwiseConv2D", layer, inputs, arguments, weights, suffix="_depthwise")
        arguments = {"filters": layer.filters, "kernel_size": 1}
        weights = [pointwise, bias[0] if bias else np.zeros(layer.filters)]
        name = self._add("Conv2D", layer, [first], arguments, weights)
        return self._activation(layer, "_activation", [name])

    def _relu(self, layer, inputs):
        if layer.negative_slope or layer.threshold:
            raise _unsupported(layer, "a ReLU that is 0 below 0", f"slope {layer.negative_slope}")
        return self._add("ReLU", layer, inputs, {"max_value": layer.max_value})

    def _activation(self, layer, suffix, inputs):
        function = keras.activations.serialize(layer.activation)
        if function == "linear":
            return inputs[0]
        if function in ("relu", "relu6"):
            arguments = {"max_value": 6.0 if function == "relu6" else None}
            return self._add("ReLU", layer, inputs, arguments, suffix=suffix)
        if function not in ("hard_sigmoid", "hard_silu"):
            raise _unsupported(layer, "relu, relu6, hard_sigmoid, hard_silu or none", function)
        gate = self._hard_sigmoid(layer, suffix, inputs)
        if function == "hard_sigmoid":
            return gate
        return self._add("Multiply", layer, [inputs[0], gate], suffix=suffix)

    def _hard_sigmoid(self, layer, suffix, inputs):
        """Adds `relu6(x + 3) / 6` as three nodes: the two Keras versions share no layer for it."""
        ones = np.ones(layer.output.shape[-1])
        shift, sixth = [ones, 3 * ones], [ones / 6, 0 * ones]
        above = self._add(PER_CHANNEL_AFFINE, layer, inputs, {}, shift, False, f"{suffix}_above")
        capped = self._add("ReLU", layer, [above], {"max_value": 6.0}, suffix=f"{suffix}_capped")
        return self._add(PER_CHANNEL_AFFINE, layer, [capped], {}, sixth, False, f"{suffix}_sixth")


def _check_readable(model):
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise RequestError(
            f"The model {model.name!r} cannot be read layer by layer. Expected a functional or "
            f"sequential model. Received: a {type(model).__name__}"
        )


def _supported_layers():
    return [*_PLAIN, *_KERNELS, *_AFFINES, *_IDENTITIES, "Activation", "ReLU", "SeparableConv2D"]


def _unsupported(layer, expected, received):
    return RequestError(
        f"The layer {layer.name!r} is unsupported. Expected {expected}. Received: {received}"
    )


def _inputs_and_output(layer, model):
    """Returns the input tensors and the output tensor of a layer of a functional model."""
    nodes = [node for node in graph_nodes(model) if node.operation is layer]
    if len(nodes) != 1:
        raise _unsupported(
            layer, "a layer that is used once", f"one that is used {len(nodes)} times"
        )
    if len(nodes[0].output_tensors) != 1:
        raise _unsupported(layer, "one output", f"{len(nodes[0].output_tensors)}")
    return nodes[0].input_tensors, nodes[0].output_tensors[0]


def _arguments(layer, names):
    return {name: getattr(layer, name) for name in names}


def _is_more_than_bilinear(layer):
    """Tells whether a `Resizing` smooths, crops or pads the images."""
    options = ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
    return any(getattr(layer, name, False) for name in options)


def _is_affine(layer):
    """Tells whether a layer is a depthwise convolution that only scales and shifts."""
    return (
        isinstance(layer, keras.layers.DepthwiseConv2D)
        and (layer.kernel_size, layer.strides, layer.depth_multiplier) == ((1, 1), (1, 1), 1)
        and layer.use_bias
        and layer.activation is keras.activations.linear
    )


def _double(array):
    return np.asarray(array, "float64")


def _rescaling(layer):
    channels = layer.output.shape[-1]
    for value in (layer.scale, layer.offset):
        yield np.broadcast_to(_double(value), channels).copy()


def _normalization(layer):
    channels = layer.output.shape[-1]
    if tuple(layer.axis) not in ((-1,), (len(layer.output.shape) - 1,)) or layer.invert:
        raise _unsupported(layer, "a mean and a variance of each channel", f"axis {layer.axis}")
    mean, variance = (
        np.broadcast_to(_double(keras.ops.convert_to_numpy(value)).reshape(-1), channels)
        for value in (layer.mean, layer.variance)
    )
    std = np.maximum(np.sqrt(variance), keras.config.epsilon())  # as Keras computes it
    yield from (1 / std, -mean / std)


def _batch_normalization(layer):
    if layer.axis not in (-1, len(layer.output.shape) - 1):
        raise _unsupported(layer, "statistics of each channel", f"axis {layer.axis}")
    mean, variance = _double(layer.moving_mean), _double(layer.moving_variance)
    gamma = _double(layer.gamma) if layer.scale else 1.0
    beta = _double(layer.beta) if layer.center else 0.0
    scale = gamma / np.sqrt(variance + layer.epsilon)
    yield from (scale, beta - mean * scale)


_AFFINES = {
    "BatchNormalization": _batch_normalization,
    "FusedBatchNormalization": _batch_normalization,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
}
