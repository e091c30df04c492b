"""Networks of this package with weights from .pth files of the official PyTorch code.

A .pth file holds a state dict, bare or under the key `state_dict`; its keys may start with
`module.`, as data-parallel training writes them. It is read weights-only: no code runs from it.
Convolution kernels are OIHW in PyTorch and HWIO in Keras; dense kernels are transposed.
"""

import pathlib
import re
import zipfile

import numpy as np
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.registry import build_classifier, check_classifier_name

# From names of Keras layers to names of PyTorch modules. Names of layers in a block are without
# the prefix `stage{k}_block{n}_`; {stage} counts from 1, {before} and {block} from 0.
_WIDE_RESNET = {
    "stem": "conv1",
    "1_norm": "block{stage}.layer.{block}.bn1",
    "conv1": "block{stage}.layer.{block}.conv1",
    "2_norm": "block{stage}.layer.{block}.bn2",
    "conv2": "block{stage}.layer.{block}.conv2",
    "project": "block{stage}.layer.{block}.convShortcut",
    "head_norm": "bn1",
    "logits": "fc",
}
_RESNET = {
    "stem": "conv1",
    "stem_norm": "bn1",
    "conv1": "layer{stage}.{block}.conv1",
    "1_norm": "layer{stage}.{block}.bn1",
    "conv2": "layer{stage}.{block}.conv2",
    "2_norm": "layer{stage}.{block}.bn2",
    "project": "layer{stage}.{block}.shortcut.0",
    "project_norm": "layer{stage}.{block}.shortcut.1",
    "logits": "linear",
}
_VGG = {  # a convolution, its normalization and its ReLU have consecutive numbers
    "conv": "block{before}.{conv}",
    "norm": "block{before}.{norm}",
    "logits": "classifier",
}
_FAMILIES = {"wrn": _WIDE_RESNET, "resnet": _RESNET, "vgg": _VGG}
_IN_BLOCK = re.compile(r"stage(\d+)_block(\d+)_(.+)")
_MAX_LISTED = 1000  # keys in an error about weights that do not fit; no network has more
_MAX_LISTED_OTHER = 5  # keys in an error about a dict that is not a state dict


def load_torch_classifier(path, name, *, input_shape, mean, std, allow_code=False):
    """Builds a network with the weights of an official .pth file.

    Args:
        path: the file.
        name: name of the network whose weights it holds: wrnD_W, resnet18, resnet34, vgg11_bn.
        input_shape: `(height, width, channels)` of the unit images.
        mean: mean of each channel of unit images with which the network was trained.
        std: their standard deviation.
        allow_code: whether a file that holds more than weights may run its code.

    Returns:
        A Keras model from unit images to logits, with as many classes as the weights have.

    Raises:
        RequestError: for an unsupported network, without PyTorch, for a file that is missing,
            not readable weights-only or not a state dict, and for weights of another network.
    """
    _family(name)
    state = read_state_dict(path, allow_code)
    return classifier_of_state(
        state, name, input_shape=input_shape, mean=mean, std=std, source=str(path)
    )


def read_state_dict(path, allow_code=False):
    """Reads a .pth file without running code from it, unless that is allowed.

    Args:
        path: the file.
        allow_code: whether a file that holds more than weights may run its code.

    Returns:
        A dict from PyTorch's names to float32 arrays.

    Raises:
        RequestError: as in `load_torch_classifier`.
    """
    if not pathlib.Path(path).is_file():
        raise RequestError(
            f"No such file. Expected a .pth file. Received: {str(path)!r}. Note that a relative "
            "path starts at the current folder"
        )
    content = _read(path, allow_code)
    if allow_code and hasattr(content, "state_dict"):  # a whole module
        content = content.state_dict()
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    try:
        _check_numbers(state, pathlib.Path(path).stat().st_size)
        return {
            key.removeprefix("module."): tensor.detach().float().numpy()
            for key, tensor in state.items()
        }
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise RequestError(
            "Not a state dict. Expected a dict from names to tensors, bare or under the key "
            f"'state_dict'. Received: {_described(content)} in {str(path)!r}. Save "
            "model.state_dict()"
        ) from error


def classifier_of_state(state, name, *, input_shape, mean, std, source="the state dict"):
    """Builds a network with the weights of a state dict.

    Args:
        state: dict from PyTorch's names to arrays.
        name: name of the network.
        input_shape: `(height, width, channels)` of the unit images.
        mean: mean of each channel with which the network was trained.
        std: standard deviation of each channel.
        source: name of the state dict in errors.

    Returns:
        A Keras model from unit images to logits.

    Raises:
        RequestError: for missing or surplus keys and shapes that do not fit, with their names.
    """
    table = _family(name)
    last = state.get(f"{table['logits']}.bias", np.zeros(2))  # if missing, reported below
    model = build_classifier(
        name, num_classes=max(2, last.size), input_shape=input_shape, mean=mean, std=std
    )
    expected = dict(_expected_variables(model, table))
    given = {key: array for key, array in state.items() if not key.endswith("num_batches_tracked")}
    faults = _faults(expected, given)
    if faults:
        raise RequestError(
            f"The weights do not fit. Expected those of {name} for images of {input_shape}. "
            f"Received {source!r} with {'; '.join(faults)}. Choose another `teacher_network`"
        )
    for key, (variable, axes) in expected.items():
        variable.assign(given[key].transpose(axes))
    return model


def _faults(expected, given):
    """Describes the keys that do not fit: for each kind of fault their number and names."""
    shapes = []
    for key, (variable, axes) in expected.items():
        shape = tuple(variable.shape[axes.index(axis)] for axis in range(len(axes)))
        if key in given and given[key].shape != shape:
            shapes.append(f"{key} of {given[key].shape} instead of {shape}")
    kinds = {
        "missing": [key for key in expected if key not in given],
        "surplus": [repr(key) for key in given if key not in expected],
        "of another shape": shapes,
    }
    return [f"{len(keys):,} {kind}: {_listed(keys)}" for kind, keys in kinds.items() if keys]


def _listed(keys, at_most=_MAX_LISTED):
    """Joins keys by commas, only the first of very many."""
    return ", ".join([*keys[:at_most], "..."] if len(keys) > at_most else keys)


def _family(name):
    """Returns the table of names for a network's family."""
    check_classifier_name(name)
    for family, table in _FAMILIES.items():
        if name.startswith(family):
            return table
    raise RequestError(
        "The official code has no such weights for small images. Expected a network of: wrnD_W, "
        f"resnet18, resnet34, vgg11_bn. Received: {name!r}. Choose another `teacher_network`"
    )


def _check_numbers(state, size):
    """Raises `ValueError` for tensors of more numbers than their file has bits."""
    numbers = sum(tensor.numel() for tensor in state.values())
    if numbers > 8 * size:
        raise ValueError(f"{numbers:,} numbers in {size:,} bytes")


def _read(path, allow_code):
    try:
        import torch
    except ImportError as error:
        raise RequestError(
            "Reading a .pth file needs PyTorch. Expected it in this environment: pip install "
            f"torch. Received: {str(path)!r} without it. Install it, or save the teacher as .keras"
        ) from error
    try:
        _check_archive(path)
        return torch.load(path, weights_only=not allow_code, map_location="cpu")
    except Exception as error:  # torch raises various types for a broken file
        needed = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        reason = f"it needs {needed[1]}" if needed else type(error).__name__
        raise RequestError(
            "Not readable as weights. Expected a .pth file of tensors only, as torch.save writes "
            f"a state dict; others may run code and are not opened. Received: {str(path)!r} "
            f"({reason}). Save model.state_dict(), or if you trust the file, set `allow_code`"
        ) from error


def _check_archive(path):
    """Raises `ValueError` for a zip of compressed members: PyTorch compresses none."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > 2 * pathlib.Path(path).stat().st_size:
            raise ValueError("it unpacks to more than twice its size")


def _described(content):
    if not isinstance(content, dict):
        return type(content).__name__
    return f"a dict of {_listed(list(map(repr, content)), _MAX_LISTED_OTHER)}"


def _expected_variables(model, table):
    """Yields pairs of PyTorch's key and (Keras variable, order of PyTorch's axes in it)."""
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            yield f"{_module(layer.name, table)}.weight", (layer.kernel, (2, 3, 1, 0))
        elif isinstance(layer, layers.Dense):
            yield f"{_module(layer.name, table)}.weight", (layer.kernel, (1, 0))
        elif isinstance(layer, layers.BatchNormalization):
            module = _module(layer.name, table)
            yield f"{module}.weight", (layer.gamma, (0,))
            yield f"{module}.bias", (layer.beta, (0,))
            yield f"{module}.running_mean", (layer.moving_mean, (0,))
            yield f"{module}.running_var", (layer.moving_variance, (0,))
        if getattr(layer, "use_bias", False):
            yield f"{_module(layer.name, table)}.bias", (layer.bias, (0,))


def _module(name, table):
    """Returns PyTorch's name of the module for a Keras layer."""
    match = _IN_BLOCK.fullmatch(name)
    if not match:
        return table[name]
    stage, block = int(match[1]), int(match[2]) - 1
    numbers = {"stage": stage, "before": stage - 1, "block": block}
    return table[match[3]].format(**numbers, conv=3 * block, norm=3 * block + 1)
