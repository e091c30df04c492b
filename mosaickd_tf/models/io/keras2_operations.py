"""Operations in a functional model of an HDF5 file: TensorFlow's by Keras 2, its own by Keras 3."""

import copy
import importlib

import keras

_CONSTANT = {  # scale and offset of a `Rescaling` with the constant y
    "math.truediv": lambda y: (1 / y, 0.0),
    "math.divide": lambda y: (1 / y, 0.0),
    "math.multiply": lambda y: (y, 0.0),
    "math.add": lambda y: (1.0, y),
    "math.subtract": lambda y: (1.0, -y),
    "__operators__.add": lambda y: (1.0, y),
}
_OF_TWO = {
    "math.add": "Add",
    "__operators__.add": "Add",
    "math.multiply": "Multiply",
    "math.subtract": "Subtract",
}
_OF_ONE = {
    "nn.relu": ("ReLU", {}),
    "nn.relu6": ("ReLU", {"max_value": 6.0}),
    "nn.softmax": ("Softmax", {}),
    "nn.sigmoid": ("Activation", {"activation": "sigmoid"}),
    "math.sigmoid": ("Activation", {"activation": "sigmoid"}),
    "nn.silu": ("Activation", {"activation": "silu"}),
    "nn.swish": ("Activation", {"activation": "silu"}),
    "math.tanh": ("Activation", {"activation": "tanh"}),
    "identity": ("Activation", {"activation": "linear"}),
}
_ROOMS = ("numpy", "nn", "math", "core", "image", "linalg")  # modules of operations of Keras 3
_CLASSES = ("TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda")


def as_layers(layers):
    """Returns the layers of a functional model with operations in the form of built-in layers.

    Args:
        layers: list of descriptions of layers by Keras 2.

    Raises:
        ValueError: for an operation that has no such layer, by name.
    """
    return [_as_layer(layer) if layer["class_name"] in _CLASSES else layer for layer in layers]


def module_of_operation(node):
    """Returns the module of the operation that Keras 3 describes by a node; None for a layer.

    HDF5 files do not say it. Unlike layers, operations are not trainable.
    """
    inbound = node.get("inbound_nodes") or [None]
    if not isinstance(inbound[0], dict) or {"trainable", "batch_shape"} & set(node["config"]):
        return None
    for room in _ROOMS:
        module = f"keras.src.ops.{room}"
        found = getattr(importlib.import_module(module), node["class_name"], None)
        if isinstance(found, type) and issubclass(found, keras.Operation):
            return module
    return None


def _as_layer(layer):
    config, nodes = layer["config"], layer["inbound_nodes"]
    name, function = layer.get("name") or config["name"], config.get("function", "")
    inputs = _inputs(nodes[0]) if len(nodes) == 1 else []
    if layer["class_name"] != "TFOpLambda" or len(inputs) != 1:
        raise _refusal(function or layer["class_name"], name)
    (source,) = inputs
    arguments = {key: value for key, value in source[3].items() if key != "name"}
    source = [*source[:3], {}]
    other = arguments.pop("y", None)
    if function in _OF_ONE and other is None and not _meaningful(arguments):
        kind, options = _OF_ONE[function]
        return _described(kind, name, options, [source], config)
    if function in _CONSTANT and isinstance(other, int | float) and not _meaningful(arguments):
        scale, offset = _CONSTANT[function](float(other))
        return _described("Rescaling", name, {"scale": scale, "offset": offset}, [source], config)
    if function in _OF_TWO and _is_tensor(other) and not _meaningful(arguments):
        return _described(_OF_TWO[function], name, {}, [source, [*other, {}]], config)
    raise _refusal(function, name)


def _inputs(node):
    """Returns the tensors that a node takes, each `[layer, node, tensor, arguments]`."""
    node = copy.deepcopy(node)
    return [node] if node and isinstance(node[0], str) else node


def _meaningful(arguments):
    """Returns the arguments that change what an operation does."""
    return {key: value for key, value in arguments.items() if value not in (None, -1)}


def _is_tensor(value):
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _described(kind, name, options, inputs, config):
    options = {"name": name, "dtype": config.get("dtype", "float32"), **options}
    return {"class_name": kind, "config": options, "name": name, "inbound_nodes": [inputs]}


def _refusal(function, name):
    return ValueError(f"the operation tf.{function} of the layer {name!r}, which is no layer")
