"""Classifiers from files that come from elsewhere: no code runs from them."""

import math
import pathlib
import re

import keras
import numpy as np
from keras.src.backend.common import global_state

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import normalization as _  # noqa: F401  registers the fused layer
from mosaickd_tf.models.graph.activations import leaves
from mosaickd_tf.models.io.saved_model import load_saved_model

MAX_ELEMENTS = 2**24  # of what a layer gives for an image
_SPARE = 2**16  # bytes that a network may have beside its stored weights, as seeds
_PENDING = "uninitialized_variables"  # Keras's own list

# What a file's teacher expects, as mean and standard deviation of unit images.
_INPUTS = {
    "signed": (0.5, 0.5),
    "bytes": (0.0, 1 / 255),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def load_teacher(path, teacher_input="unit", allow_code=False):
    """Loads a teacher from a file that comes from elsewhere; no code runs from it unasked.

    Args:
        path: a .keras file of a classifier that returns logits, or the folder of a SavedModel.
        teacher_input: what it expects: "unit", "signed", "bytes", "imagenet", or the mean and
            standard deviation of each channel by which its images are standardised.
        allow_code: whether a SavedModel may run.

    Returns:
        A Keras model of unit images to logits.

    Raises:
        RequestError: for a file that is missing or not a classifier.
    """
    if vetting.is_saved_model(path):
        teacher = load_saved_model(path, allow_code)
    else:
        teacher = load_classifier(path)
    if teacher_input == "unit":
        return teacher
    rescaling = _rescaling(teacher_input)
    channels = teacher.input_shape[-1]
    if np.size(rescaling["scale"]) not in (1, channels):
        raise RequestError(
            "These statistics are those of 3 channels. Expected --teacher_input=unit, signed or "
            f"bytes. Received: {teacher_input} for a teacher of {channels} in {str(path)!r}. "
            "Choose another --teacher_input"
        )
    images = keras.Input(teacher.input_shape[1:], name="unit_images")
    scaled = keras.layers.Rescaling(**rescaling, name="teacher_input")(images)
    return keras.Model(images, teacher(scaled), name=teacher.name)


def _rescaling(teacher_input):
    """Scale and offset that standardise unit images."""
    mean, std = map(np.asarray, _INPUTS.get(teacher_input, teacher_input))
    return {"scale": (1 / std).tolist(), "offset": (-mean / std).tolist()}


def load_classifier(path):
    """Loads a .keras classifier and checks the shape of what it takes and gives.

    The file is examined first (`vetting.examine_keras`): no code runs from it, and it takes
    no more memory than the weights that it holds.

    Raises:
        RequestError: with what was expected and what came.
    """
    model, shapes = _load(path, "classifier")
    if not (_is_shape(shapes[0], 4) and _is_shape(shapes[1], 2)):
        raise RequestError(
            "Not an image classifier. Expected one input (batch, height, width, channels) and "
            f"one output (batch, classes). Received: {shapes[0]} and {shapes[1]} in {str(path)!r}. "
            "Save a model of such a form"
        )
    return model


def load_generator(path):
    """Loads a .keras generator as `load_classifier` does, and checks its shapes.

    Raises:
        RequestError: with what was expected and what came.
    """
    model, shapes = _load(path, "generator")
    if not (_is_shape(shapes[0], 2) and _is_shape(shapes[1], 4)):
        raise RequestError(
            "Not a generator. Expected one input (batch, noise) and one output (batch, height, "
            f"width, channels). Received: {shapes[0]} and {shapes[1]} in {str(path)!r}. Run the "
            "method again to make another"
        )
    return model


def _load(path, kind):
    """A model from a file, and the shapes of what it takes and gives as far as they are known."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise RequestError(f"No such file. Expected a .keras {kind}. {_instead(path)}")
    description, stored = vetting.examine_keras(path)
    try:
        _check_size(description, stored)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the broken file leads it to
        raise RequestError(
            f"Not a readable model. Expected a .keras file of Keras 3 layers. Received: "
            f"{str(path)!r} ({_first_line(error)}). Save the model again by Keras 3"
        ) from error
    return model, (getattr(model, "input_shape", None), getattr(model, "output_shape", None))


def _instead(path):
    """What is there in place of a .keras file, and what to do about it."""
    if vetting.is_saved_model(path):
        return (
            f"Received: {str(path)!r}, a SavedModel, which would run {vetting.operations(path)}. "
            "Save the model as .keras; as a teacher of bin/distill it is taken with --allow_code"
        )
    kind = "a folder" if path.is_dir() else "nothing"
    return (
        f"Received: {str(path)!r}, where there is {kind}. Mind that a relative path starts where "
        "the command is run"
    )


def _first_line(error):
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _check_size(description, stored):
    """Builds the network without its weights, and checks what they and the outputs would take.

    Raises:
        ValueError: when the weights that it describes are more than those that are stored.
    """
    pending = list(global_state.get_global_attribute(_PENDING, []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            skeleton = keras.saving.deserialize_keras_object(description, safe_mode=True)
    finally:  # Keras would make these variables at the end of the next such scope
        global_state.set_global_attribute(_PENDING, pending)
    described = sum(math.prod(v.shape) * _bytes(v.dtype) for v in skeleton.variables)
    if described > stored + _SPARE:
        raise ValueError(f"weights of {described:,} bytes, of which {stored:,} are stored")
    for layer in leaves(skeleton):
        elements = math.prod(filter(None, _output_shape(layer)))
        if elements > MAX_ELEMENTS:
            raise ValueError(f"{layer.name!r} gives {elements:,} numbers for an image")


def _bytes(dtype):
    return 1 if dtype == "bool" else max(1, int(re.search(r"\d+", dtype)[0]) // 8)


def _output_shape(layer):
    """Shape of a layer's output; () where there is none or there are several."""
    try:
        return layer.output.shape
    except AttributeError:
        return ()


def _is_shape(shape, rank):
    return isinstance(shape, tuple) and len(shape) == rank and None not in shape[1:]
