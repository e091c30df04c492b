"""Descriptions of networks in HDF5 files, translated to those in .keras files of Keras 3.

Only what matters for inference is kept: initializers, regularizers and constraints are left out.
"""

import inspect

import keras

from mosaickd_tf.models.io import keras1, keras2_graph, keras2_operations

_MODELS = {"Functional": "keras.src.models.functional", "Sequential": "keras"}
_TRAINING_ONLY = ("_initializer", "_regularizer", "_constraint")
# Arguments of Keras 2 that Keras 3 does not have, and by which results do not change.
_DROPPED = {
    "adjustment",
    "batch_input_shape",
    "dynamic",
    "fused",
    "implementation",
    "input_dim",
    "input_dtype",
    "input_shape",
    "key_shape",
    "query_shape",
    "ragged",
    "renorm_clipping",
    "renorm_momentum",
    "rng_type",
    "sparse",
    "unroll",
    "value_shape",
    "virtual_batch_size",
}
_RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}
_RENAMED_LAYERS = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Convolution2D": "Conv2D",
}
# Keras 3 computes these differently from Keras 2.
_CHANGED_ACTIVATIONS = ("hard_sigmoid",)


def translate(description, version):
    """Translates the description of a network, a sequence or graph of layers, nested ones too.

    Args:
        description: dict with `class_name` and `config`, as in the `model_config` of an HDF5 file.
        version: version of Keras that wrote it, as text; empty for the first ones.

    Returns:
        The description as Keras 3 writes them. Layers that are not built in are kept as they are.

    Raises:
        ValueError: for what Keras 3 cannot do alike, by name.
    """
    if version[:1] in ("", "0", "1"):
        description = keras1.translate(description)
    if not version.startswith("3"):
        _check_activations(description)
    return _layer(description, is_whole=True)


def _check_activations(node):
    """Raises `ValueError` for an activation that Keras 3 computes differently."""
    nodes = [node]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            for key in ("activation", "recurrent_activation", "config"):
                if str(node.get(key)) in _CHANGED_ACTIVATIONS:
                    raise ValueError(f"the activation {node[key]}, which changed with Keras 3")
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def _layer(node, is_whole=False):
    """Translates a layer or a model; only the whole network has to say the shape of its input."""
    name, config = node["class_name"], node["config"]
    if name in ("Model", "Functional") and "input_layers" in config:
        layers = [_layer(layer) for layer in keras2_operations.as_layers(config["layers"])]
        config = keras2_graph.renumbered(config | {"layers": layers})
        ends = {key: _single(config[key]) for key in ("input_layers", "output_layers")}
        config |= ends
        return _described(node, "Functional", _kept(config, set(config) - {"dtype"}))
    if name == "Sequential":
        if isinstance(config, list):  # before Keras 2.2.3
            config = {"name": node.get("name", "sequential"), "layers": config}
        layers = [_layer(layer) for layer in _with_input(config["layers"], is_whole)]
        return _described(
            node, "Sequential", {"name": config["name"], "trainable": True, "layers": layers}
        )
    name = _RENAMED_LAYERS.get(name, name)
    if name == "InputLayer":
        return _described(node, name, _input(config))
    module = keras2_operations.module_of_operation(node)
    if module:
        return node | {"module": module, "registered_name": name}
    if name == "Lambda":
        return _described(node, name, _lambda(config))
    if not isinstance(getattr(keras.layers, name, None), type):
        return {"module": None, "registered_name": name, **node}
    return _described(node, name, _arguments(name, dict(config)))


def _described(node, name, config):
    module = _MODELS.get(name, "keras.layers")
    described = {"module": module, "class_name": name, "config": config, "registered_name": None}
    graph = {key: node[key] for key in ("inbound_nodes",) if key in node}
    name = node.get("name") or config.get("name")
    if name:  # Keras 3 allows no slash in it
        config["name"] = config.get("name", name).replace("/", "_")
        name = name.replace("/", "_")
    return described | graph | {"name": name}


def _with_input(layers, is_whole):
    """Returns the layers of a sequence with the shape of its input as a layer of its own."""
    first = layers[0] if layers else {"class_name": "InputLayer"}
    if first["class_name"] == "InputLayer":
        return layers
    config = first["config"]
    shape = config.get("batch_input_shape")
    if shape is None:
        if not is_whole or first["class_name"] in ("Sequential", "Model", "Functional"):
            return layers
        raise ValueError("a network that was saved before its input had a shape")
    name = f"{config.get('name', 'first')}_input"
    entry = {"batch_input_shape": shape, "dtype": config.get("dtype"), "name": name}
    return [{"class_name": "InputLayer", "config": entry}, *layers]


def _input(config):
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    if shape is None:
        raise ValueError("an input without a shape")
    dtype = _dtype(config.get("dtype")) or "float32"
    return {"batch_shape": list(shape), "dtype": dtype, "name": config.get("name")}


def _lambda(config):
    """Returns the arguments of a Lambda layer, whose function is code or a name."""
    function = config["function"]
    if config.get("function_type") == "lambda":
        code = dict(zip(("code", "defaults", "closure"), function, strict=True))
        function = {"class_name": "__lambda__", "config": code}
    elif isinstance(function, str):
        function = {
            "module": "builtins",
            "class_name": "function",
            "config": function,
            "registered_name": function,
        }
    arguments = config.get("arguments") or {}
    kept = {key: config[key] for key in ("name", "trainable") if key in config}
    dtype = _dtype(config.get("dtype"))
    return kept | {"function": function, "arguments": arguments, "dtype": dtype}


def _arguments(name, config):
    """Returns the arguments of a built-in layer, those of Keras 3."""
    accepted = set(inspect.signature(getattr(keras.layers, name).__init__).parameters)
    accepted |= {"name", "trainable", "dtype"}
    arguments = {}
    for key, value in config.items():
        key = _RENAMED.get((name, key), key)
        if key.endswith(_TRAINING_ONLY) or key in _DROPPED:
            continue
        if key not in accepted:
            # What is as if it were not there: one group, no extra behavior.
            if value is not True and value in (None, False, 1, [], {}):
                continue
            raise ValueError(f"{key}={value!r} of the layer {name}, which Keras 3 does not have")
        arguments[key] = value
    if "dtype" in arguments:
        arguments["dtype"] = _dtype(arguments["dtype"])
    if isinstance(arguments.get("axis"), list) and len(arguments["axis"]) == 1:
        (arguments["axis"],) = arguments["axis"]
    for key in ("activation", "recurrent_activation"):
        if key in arguments:
            arguments[key] = _activation(name, arguments[key])
    for key in ("layer", "forward_layer", "backward_layer"):
        if isinstance(arguments.get(key), dict):
            arguments[key] = _layer(arguments[key])
    return arguments


def _activation(layer, value):
    if isinstance(value, dict) and "class_name" in value:
        inner = value.get("config")
        if value["class_name"] == "function" and isinstance(inner, str):
            value = inner
        elif isinstance(getattr(keras.layers, value["class_name"], None), type):
            return _layer(value)
    if not isinstance(value, str | None):
        raise ValueError(f"an activation {value!r} of the layer {layer}")
    return value


def _dtype(value):
    """Returns a dtype or policy by its name."""
    if isinstance(value, dict):
        value = value.get("config", {}).get("name")
    return value


def _single(tensors):
    """Returns the only tensor of a list as Keras 3 names one, other lists as they are."""
    is_list = isinstance(tensors, list) and len(tensors) == 1 and isinstance(tensors[0], list)
    return tensors[0] if is_list else tensors


def _kept(config, keys):
    return {key: value for key, value in config.items() if key in keys}
