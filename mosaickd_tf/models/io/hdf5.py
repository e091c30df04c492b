"""Networks from HDF5 files of Keras 1, 2 and 3, built anew by Keras 3."""

import keras
import numpy as np

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.walk import leaf_layers
from mosaickd_tf.models.io import keras2
from mosaickd_tf.models.io.keras import build_described, newer_than_here
from mosaickd_tf.utils.text import cause

# Names of variables by Keras 1, as the ends of names such as "dense_1_W".
_KERAS1_NAMES = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "gamma": "gamma",
    "beta": "beta",
}
# Layers whose kernels Theano applies from the other end.
_MIRRORED = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv2DTranspose,
)


def load_hdf5(path, allow_code=False, custom_objects=None):
    """Loads a network from an HDF5 file; no code runs from it unless allowed.

    Args:
        path: of the file, whole as `model.save` of Keras 1, 2 or 3 wrote it.
        allow_code: whether layers that are not built in may be used.
        custom_objects: dict of those, by name.

    Returns:
        `(model, written_by, remarks)`: the Keras model, what wrote the file, as "Keras 2.4.0", and
        a list of remarks about its translation.

    Raises:
        RequestError: for a file that is unreadable, unsafe or not whole, with what to do.
    """
    description, version, stored = vetting.examine_hdf5(path)
    remarks = []
    try:
        description = keras2.translate(description, version)
        if not version.startswith("3"):
            remarks.append(f"translated from Keras {version or '1'} to {keras.__version__}")
    except RequestError:
        raise
    except Exception as error:  # a description that is not built as those of Keras
        raise _refusal(path, version, error) from error
    if not allow_code:
        vetting.check_classes(description, path)
    try:
        model = build_described(description, stored, allow_code, custom_objects)
        with vetting.open_hdf5(path) as file:
            group = file["model_weights"]
            is_mirrored = any("theano" in str(g.attrs.get("backend")) for g in (file, group))
            _assign_weights(model, group, is_mirrored)
        if is_mirrored:
            remarks.append("kernels mirrored, as Theano convolves")
    except RequestError:
        raise
    except Exception as error:  # Keras raises various types for a broken description
        raise _refusal(path, version, error) from error
    return model, f"Keras {version or '1'}", remarks


def _refusal(path, version, error):
    advice = newer_than_here(version) or (
        "Load it with the Keras that wrote it and export a SavedModel; custom layers are taken by "
        "`allow_code` and `custom_objects`"
    )
    return RequestError(
        "Not a model that can be rebuilt. Expected an HDF5 file of built-in Keras layers. Received:"
        f" {str(path)!r} of Keras {version or '1'} ({cause(error)}). {advice}"
    )


def _assign_weights(model, group, is_mirrored):
    """Gives a model the weights of a file, by the names of its layers and variables.

    Raises:
        ValueError: for a layer without weights, weights without a layer, and other shapes.
    """
    layers = {layer.name: layer for layer in model.layers}
    for name in _names(group, "layer_names"):
        names = _names(group[name], "weight_names")
        layer = layers.pop(name.replace("/", "_"), None)
        if layer is not None:
            _assign(layer, group[name], names, is_mirrored)
        elif names:
            raise ValueError(f"weights of {name!r}, which is no layer of it")
    for layer in layers.values():
        _assign(layer, group, [], is_mirrored)


def _assign(layer, group, names, is_mirrored):
    if isinstance(layer, keras.layers.Normalization):
        _assign_normalization(layer, group, names)
        return
    variables = layer.trainable_weights + layer.non_trainable_weights
    if len(variables) != len(names):
        raise ValueError(f"{len(names)} weights for {len(variables)} of {layer.name!r}")
    leaves = {id(v): leaf for leaf in leaf_layers(layer) for v in leaf.weights}
    for variable, name in zip(variables, _matched(layer, variables, names, leaves), strict=True):
        value = group[name][()]
        if tuple(variable.shape) != value.shape and value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)  # of Keras 1 with channels first
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"weights {name!r} of shape {value.shape}, not {variable.shape}")
        if not np.issubdtype(value.dtype, np.number):
            raise ValueError(f"weights {name!r} that are no numbers")
        if is_mirrored and isinstance(leaves.get(id(variable)), _MIRRORED) and value.ndim > 2:
            value = np.flip(value, axis=range(value.ndim - 2))
        variable.assign(value)


def _matched(layer, variables, names, leaves):
    """Returns the names of arrays in the order of the variables.

    Variables are found by the names of their layer and their own; where those are not unique, by
    their order, if their own names agree.
    """
    wanted = [(leaves.get(id(v), layer).name, v.name) for v in variables]
    keys = [_key(name, layer.name, {owner for owner, _ in wanted}) for name in names]
    if not any(own == "depthwise_kernel" for _, own in wanted):  # of DepthwiseConv2D in Keras 2
        keys = [(o, "kernel" if own == "depthwise_kernel" else own) for o, own in keys]
    if len(set(keys)) == len(keys) and set(keys) == set(wanted):
        by_key = dict(zip(keys, names, strict=True))
        return [by_key[key] for key in wanted]
    if [own for _, own in keys] == [own for _, own in wanted]:
        return names
    by_name = dict(zip((own for _, own in keys), names, strict=True))
    if len(by_name) == len(names) and set(by_name) == {own for _, own in wanted}:
        return [by_name[own] for _, own in wanted]
    raise ValueError(f"weights of {layer.name!r} in another order than its layers")


def _key(name, layer, owners=()):
    """Returns the names of layer and variable in the name of an array."""
    *path, own = name.rsplit(":", 1)[0].split("/")
    if not path:
        for end, known in _KERAS1_NAMES.items():
            if name == f"{layer}_{end}":
                return layer, known
        return layer, own
    path = "_".join(path)
    named = [owner for owner in owners if path == owner or path.endswith(f"_{owner}")]
    return max(named, key=len, default=path), own


def _assign_normalization(layer, group, names):
    named = {_key(name, layer.name)[1]: name for name in names}
    if {"mean", "variance"} <= set(named):
        mean, variance = (group[named[key]][()] for key in ("mean", "variance"))
        layer.adapt_mean.assign(mean.reshape(layer.adapt_mean.shape))
        layer.adapt_variance.assign(variance.reshape(layer.adapt_variance.shape))
        layer.finalize_state()
    elif named or layer.input_mean is None:
        raise ValueError(f"weights {sorted(named)} of {layer.name!r}, not mean and variance")


def _names(group, attribute):
    """Returns names in an attribute, which Keras splits where it is too long."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        numbered = sorted(
            (key for key in group.attrs if key.startswith(attribute)),
            key=lambda key: int(key[len(attribute) :]),
        )
        parts = [group.attrs[key] for key in numbered]
    names = [name for part in parts for name in part]
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in names]
