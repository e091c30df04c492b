"""HDF5 files in the layout of Keras 2: a description as JSON, and weights by layer."""

import json

import h5py
import numpy as np

INITIALIZER = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "distribution": "normal"}}
CONVOLUTION = {
    "padding": "same",
    "strides": [1, 1],
    "data_format": "channels_last",
    "dilation_rate": [1, 1],
    "activation": "relu",
    "use_bias": True,
    "bias_initializer": {"class_name": "Zeros", "config": {}},
    "bias_regularizer": None,
    "activity_regularizer": None,
    "bias_constraint": None,
}


def layer(class_name, name, *sources, **config):
    """Describes a layer; one in a graph with the names of the layers that it takes."""
    config = {"name": name, "trainable": True, "dtype": "float32", **config}
    nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
    return {"class_name": class_name, "config": config, "name": name, "inbound_nodes": nodes}


def images(name="input_1", shape=(8, 8, 3)):
    """Describes the layer of the images."""
    return {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, *shape], "dtype": "float32", "name": name},
        "name": name,
        "inbound_nodes": [],
    }


def conv(name, *sources, filters=4, **config):
    """Describes a convolution of 3x3 with an initializer as Keras 2 called it."""
    own = {"filters": filters, "kernel_size": [3, 3], "kernel_initializer": INITIALIZER}
    return layer("Conv2D", name, *sources, **CONVOLUTION | own | config)


def dense(name, *sources, units=2, **config):
    """Describes a dense layer."""
    own = {"units": units, "activation": "softmax", "use_bias": True}
    return layer("Dense", name, *sources, **own | config)


def functional(name, *layers, class_name="Model"):
    """Describes a graph from its first layer to its last."""
    ends = [[[layers[0]["name"], 0, 0]], [[layers[-1]["name"], 0, 0]]]
    config = {"name": name, "layers": list(layers)}
    config |= dict(zip(("input_layers", "output_layers"), ends, strict=True))
    return {"class_name": class_name, "config": config}


def sequential(name, *layers):
    """Describes a sequence."""
    layers = [{key: item[key] for key in ("class_name", "config")} for item in layers]
    return {"class_name": "Sequential", "config": {"name": name, "layers": layers}}


def within(network, *sources):
    """Describes a network that is a layer of another."""
    name = network["config"]["name"]
    return network | {"name": name, "inbound_nodes": [[[source, 0, 0, {}] for source in sources]]}


def write(path, network, weights, version="2.4.0", parts=0):
    """Writes a file as `model.save` of Keras 2 does.

    Args:
        path: of the file.
        network: its description.
        weights: dict from the name of each layer to a dict of arrays by name.
        version: of Keras.
        parts: number of parts in which lists of names are stored; 0 for whole ones.
    """
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(network).encode()
        file.attrs["keras_version"] = version.encode()
        file.attrs["backend"] = b"tensorflow"
        group = file.create_group("model_weights")
        _set_names(group, "layer_names", list(weights), parts)
        for name, arrays in weights.items():
            own = group.create_group(name)
            _set_names(own, "weight_names", list(arrays), parts)
            for key, array in arrays.items():
                own[key] = array
    return path


def _set_names(group, attribute, names, parts):
    names = np.array([name.encode() for name in names], "S" if names else "S1")
    if not parts:
        group.attrs[attribute] = names
    for number, part in enumerate(np.array_split(names, parts) if parts else ()):
        group.attrs[f"{attribute}{number}"] = part


class Arrays:
    """Makes random weights, and those that a layer has in a file.

    Attributes:
        made: dict of all arrays that were made, by name.
    """

    def __init__(self, seed=0):
        self._rng = np.random.default_rng(seed)
        self.made = {}

    def __call__(self, shape, name, low=-1.0):
        """Returns a dict of one array."""
        self.made[name] = self._rng.uniform(low, 1, shape).astype("float32")
        return {name: self.made[name]}

    def conv(self, name, sources=3, filters=4):
        """Returns the arrays of a convolution of 3x3."""
        kernel = self((3, 3, sources, filters), f"{name}/kernel:0")
        return kernel | self((filters,), f"{name}/bias:0")

    def dense(self, name, sources=4, units=2):
        """Returns the arrays of a dense layer."""
        return self((sources, units), f"{name}/kernel:0") | self((units,), f"{name}/bias:0")

    def norm(self, name, channels=4):
        """Returns the arrays of a batch normalization."""
        shifts = self((channels,), f"{name}/gamma:0") | self((channels,), f"{name}/beta:0")
        moving = self((channels,), f"{name}/moving_mean:0")
        return shifts | moving | self((channels,), f"{name}/moving_variance:0", low=0.5)
