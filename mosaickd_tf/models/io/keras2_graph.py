"""References between the layers of a functional model of Keras 2, in the numbers of Keras 3."""

_MODELS = ("Functional", "Sequential")


def renumbered(config):
    """Returns the config of a functional model whose references are those of Keras 3.

    Keras 2 counts the calls of a model inside another from 1, as its own graph is call 0. Keras 3
    counts them from 0, but from 1 where a functional model is an output.

    Args:
        config: dict with `layers`, `input_layers` and `output_layers`, each layer translated.
    """
    layers = config["layers"]
    if any(isinstance(node, dict) for layer in layers for node in layer.get("inbound_nodes", [])):
        return config  # Keras 3 wrote it
    nodes = [
        tensor for layer in layers for node in layer.get("inbound_nodes", []) for tensor in node
    ]
    nodes += [tensor for node in nodes for tensor in _named_tensors([node]).values()]
    ends = [*_tensors(config["input_layers"]), *_tensors(config["output_layers"])]
    used = {}
    for tensor in (*nodes, *ends):
        used.setdefault(tensor[0].replace("/", "_"), set()).add(tensor[1])
    models = {
        layer["name"]: layer["class_name"]
        for layer in layers
        if layer["class_name"] in _MODELS and 0 not in used.get(layer["name"], {0})
    }

    def moved(tensor, is_end):
        name, index, *rest = tensor
        name = name.replace("/", "_")
        kind = models.get(name)
        shift = kind is not None and not (is_end and kind == "Functional")
        return [name, index - shift, *rest]

    def with_moved(layer):
        inbound = []
        for node in layer.get("inbound_nodes", []):
            named = {key: moved(t, False) for key, t in _named_tensors(node).items()}
            inbound.append(_as_node([moved(t, False) for t in node], named))
        return layer | {"inbound_nodes": inbound}

    ends = {
        key: [moved(tensor, True) for tensor in _tensors(config[key])]
        for key in ("input_layers", "output_layers")
    }
    return config | ends | {"layers": [with_moved(layer) for layer in layers]}


def _tensors(ends):
    """Returns the tensors that are inputs or outputs, each `[layer, call, tensor]`."""
    if isinstance(ends, dict):
        ends = list(ends.values())
    return [ends] if ends and isinstance(ends[0], str) else ends


def _named_tensors(node):
    """Returns the tensors that a call takes by the names of arguments, as attention layers do."""
    arguments = {}
    for _, _, _, *rest in node:
        arguments |= rest[0] if rest else {}
    return {key: value for key, value in arguments.items() if _is_tensor(value)}


def _is_tensor(value):
    kinds = [type(item) for item in value] if isinstance(value, list) else []
    return kinds == [str, int, int]


def _as_node(tensors, named):
    """Returns a call by its tensors, as Keras 3 writes it where some have names."""
    if not named:
        return tensors
    args = [_described(tensor) for tensor in tensors]
    kwargs = tensors[-1][3] | {key: _described(tensor) for key, tensor in named.items()}
    return {"args": args if len(args) == 1 else [args], "kwargs": kwargs}


def _described(tensor):
    config = {"shape": [], "dtype": "float32", "keras_history": tensor[:3]}
    return {"class_name": "__keras_tensor__", "config": config}
