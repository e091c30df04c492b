"""Networks from .keras files of any origin: no code runs from them."""

import contextlib
import copy
import math
import pathlib
import re

import keras
from keras.src.backend.common import global_state  # private: see `_pending_variables_kept`

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import normalization as _  # noqa: F401  registers the fused layer
from mosaickd_tf.models.graph.walk import leaf_layers
from mosaickd_tf.utils.text import cause

MAX_ELEMENTS = 2**24  # of a layer's output for one image
_SPARE = 2**16  # bytes that a network may have in addition to its stored weights, as seeds


def load_classifier(path):
    """Loads a .keras classifier and checks the shapes of its input and output.

    The file is examined first (`vetting.examine_keras`): no code runs from it, and it takes
    no more memory than the weights that it stores.

    Args:
        path: a .keras file of Keras 3.

    Returns:
        A Keras model from images `(batch, height, width, channels)` to `(batch, classes)`.

    Raises:
        RequestError: for a file that is missing, unreadable, unsafe or not a classifier.
    """
    model, shapes = _load(path, "classifier")
    if not (_is_shape(shapes[0], 4) and _is_shape(shapes[1], 2)):
        raise RequestError(
            "Not an image classifier. Expected one input (batch, height, width, channels) and "
            f"one output (batch, classes). Received: {shapes[0]} and {shapes[1]} in {str(path)!r}. "
            "Save a model of such shapes"
        )
    return model


def load_generator(path):
    """Loads a .keras generator as `load_classifier` does, and checks its shapes.

    Args:
        path: a .keras file of Keras 3.

    Returns:
        A Keras model from `(batch, noise)` to images `(batch, height, width, channels)`.

    Raises:
        RequestError: for a file that is missing, unreadable, unsafe or not a generator.
    """
    model, shapes = _load(path, "generator")
    if not (_is_shape(shapes[0], 2) and _is_shape(shapes[1], 4)):
        raise RequestError(
            "Not a generator. Expected one input (batch, noise) and one output (batch, height, "
            f"width, channels). Received: {shapes[0]} and {shapes[1]} in {str(path)!r}. Run the "
            "method again to make another"
        )
    return model


def load_keras(path, allow_code=False, custom_objects=None):
    """Loads any network from a .keras file; no code runs from it unless allowed.

    Args:
        path: a .keras file of Keras 3.
        allow_code: whether layers that are not built in, and Lambda layers, may be used.
        custom_objects: dict of such layers, by name.

    Returns:
        `(model, written_by)`: the Keras model and what wrote the file, as "Keras 3.15.1".

    Raises:
        RequestError: for a file that is unreadable or unsafe, with what to do.
    """
    description, stored = vetting.examine_keras(path, allow_code)
    version = vetting.keras_version(path)
    try:
        if not allow_code:
            _check_size(description, stored)
        model = keras.saving.load_model(
            path, compile=False, safe_mode=not allow_code, custom_objects=custom_objects
        )
    except Exception as error:  # Keras raises various types for a broken file
        advice = newer_than_here(version) or "Save the model again by Keras 3"
        if allow_code:
            advice = "Name the module that defines its layers by `custom_objects`"
        raise RequestError(
            f"Not a readable model. Expected a .keras file of Keras 3 layers. Received: "
            f"{str(path)!r} ({cause(error)}). {advice}"
        ) from error
    return model, f"Keras {version}" if version else ""


def newer_than_here(version):
    """Returns advice for a file of a newer Keras than is installed; empty for others."""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    if numbers <= [int(part) for part in keras.__version__.split(".")[:2]]:
        return ""
    return (
        f"It was written by Keras {version}, newer than {keras.__version__} here: update Keras, or "
        "save the model by an older one"
    )


def build_described(description, stored, allow_code=False, custom_objects=None):
    """Builds a network from its description, without weights.

    Args:
        description: dict as Keras 3 describes a model.
        stored: size of the weights that its file has, in bytes; a description of more is refused.
        allow_code: whether Lambda layers may be used.
        custom_objects: dict of layers that are not built in, by name.

    Raises:
        ValueError: for a description of more weights or of too large outputs.
        Exception: anything that Keras raises for a broken one.
    """
    if not allow_code:
        _check_size(description, stored)
    return keras.saving.deserialize_keras_object(
        description, custom_objects=custom_objects, safe_mode=not allow_code
    )


def _load(path, kind):
    """Loads a model; returns it with the shapes of its input and output, None if unknown."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise RequestError(f"No such file. Expected a .keras {kind}. {_received(path)}")
    vetting.kind_of(path)
    model = load_keras(path)[0]
    return model, (getattr(model, "input_shape", None), getattr(model, "output_shape", None))


def _received(path):
    """Describes what the path holds instead of a .keras file, with advice."""
    if vetting.is_saved_model(path):
        return (
            f"Received: {str(path)!r}, a SavedModel, which would run {vetting.operations(path)}. "
            "Save the model as .keras; a teacher may be a SavedModel, with `allow_code`"
        )
    kind = "a folder" if path.is_dir() else "nothing"
    return (
        f"Received: {str(path)!r}, where there is {kind}. Note that a relative path starts at the "
        "current folder"
    )


def _check_size(description, stored):
    """Builds the network without its weights and checks the size of weights and outputs.

    Raises:
        ValueError: for a description with more weights than are stored, or with an output of
            more than `MAX_ELEMENTS`.
    """
    with _pending_variables_kept(), keras.StatelessScope(initialize_variables=False):
        skeleton = keras.saving.deserialize_keras_object(
            copy.deepcopy(description),
            safe_mode=True,  # Keras takes parts out of it
        )
    described = sum(math.prod(v.shape) * _bytes(v.dtype) for v in skeleton.variables)
    if described > stored + _SPARE:
        raise ValueError(f"weights of {described:,} bytes, of which {stored:,} are stored")
    for layer in leaf_layers(skeleton):
        elements = math.prod(filter(None, _output_shape(layer)))
        if elements > MAX_ELEMENTS:
            raise ValueError(f"{layer.name!r} gives {elements:,} numbers for an image")


@contextlib.contextmanager
def _pending_variables_kept():
    """Restores Keras's list of variables to initialize.

    Variables that are created in a `StatelessScope` without initialization join that list, and
    Keras would allocate them at the end of the next scope. It has no public access to the list.
    """
    name = "uninitialized_variables"
    pending = list(global_state.get_global_attribute(name, []))
    try:
        yield
    finally:
        global_state.set_global_attribute(name, pending)


def _bytes(dtype):
    return 1 if dtype == "bool" else max(1, int(re.search(r"\d+", dtype)[0]) // 8)


def _output_shape(layer):
    """Returns the shape of a layer's output; () if it has none or several."""
    try:
        return layer.output.shape
    except AttributeError:
        return ()


def _is_shape(shape, rank):
    return isinstance(shape, tuple) and len(shape) == rank and None not in shape[1:]
