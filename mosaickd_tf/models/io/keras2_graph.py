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
        inbound = [[moved(t, False) for t in node] for node in layer.get("inbound_nodes", [])]
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
