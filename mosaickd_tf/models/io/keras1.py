"""Descriptions of networks by Keras 1, translated to those of Keras 2."""

_LAYERS = {
    "Convolution2D": "Conv2D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
}
_ARGUMENTS = {
    "nb_filter": "filters",
    "output_dim": "units",
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "atrous_rate": "dilation_rate",
}
_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last"}
_DROPPED = {
    "init",
    "weights",
    "W_regularizer",
    "b_regularizer",
    "W_constraint",
    "b_constraint",
    "gamma_init",
    "beta_init",
    "input_dtype",
    "gamma_regularizer",
    "beta_regularizer",
    "activity_regularizer",
}
_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}


def translate(node):
    """Translates the description of a layer, or of a model of layers.

    Args:
        node: dict with `class_name` and `config`.

    Raises:
        ValueError: for a layer that was not kept in Keras 2, by name.
    """
    name, config = node["class_name"], node["config"]
    if isinstance(config, list):
        config = [translate(layer) for layer in config]
        return node | {"config": {"name": node.get("name", "sequential"), "layers": config}}
    if "layers" in config:
        layers = [translate(layer) for layer in config["layers"]]
        return node | {"config": {**config, "layers": layers}}
    if name == "Merge":
        return node | _merge(dict(config))
    return node | {"class_name": _LAYERS.get(name, name), "config": _arguments(name, dict(config))}


def _merge(config):
    mode = config.get("mode")
    base = {"name": config.get("name")}
    if mode == "concat":
        return {"class_name": "Concatenate", "config": base | {"axis": config["concat_axis"]}}
    if mode not in _MERGES:
        raise ValueError(f"the layer Merge of mode {mode!r}")
    return {"class_name": _MERGES[mode], "config": base}


def _arguments(name, config):
    if name == "BatchNormalization" and config.pop("mode", 0) != 0:
        raise ValueError("a BatchNormalization of another mode than 0")
    translated = {}
    if "nb_row" in config:
        translated["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    for key, value in config.items():
        if key in _DROPPED:
            continue
        if key == "dim_ordering":
            translated["data_format"] = _DATA_FORMATS.get(value, "channels_last")
        else:
            translated[_ARGUMENTS.get(key, key)] = value
    if "Dropout" not in name and name != "GaussianDropout" and "rate" in translated:
        translated["p"] = translated.pop("rate")
    return translated
