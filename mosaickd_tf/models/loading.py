"""Classifiers from files that come from elsewhere: no code runs from them."""

import pathlib

import keras
import numpy as np

from mosaickd_tf.errors import RequestError

# What a file's teacher expects, as mean and standard deviation of unit images.
_INPUTS = {
    "signed": (0.5, 0.5),
    "bytes": (0.0, 1 / 255),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def load_teacher(path, teacher_input="unit"):
    """Loads a teacher from a file that comes from elsewhere; no code runs from it.

    Args:
        path: a .keras file of a classifier that returns logits.
        teacher_input: what it expects: "unit", "signed", "bytes", "imagenet", or the mean and
            standard deviation of each channel by which its images are standardised.

    Returns:
        A Keras model of unit images to logits.

    Raises:
        RequestError: for a file that is missing or not a classifier.
    """
    teacher = load_classifier(path)
    if teacher_input == "unit":
        return teacher
    rescaling = _rescaling(teacher_input)
    channels = teacher.input_shape[-1]
    if np.size(rescaling["scale"]) not in (1, channels):
        raise RequestError(
            "These statistics are those of 3 channels. Expected --teacher_input=unit, signed or "
            f"bytes. Received: {teacher_input} for a teacher of {channels} in {str(path)!r}"
        )
    images = keras.Input(teacher.input_shape[1:], name="unit_images")
    scaled = keras.layers.Rescaling(**rescaling, name="teacher_input")(images)
    return keras.Model(images, teacher(scaled), name=teacher.name)


def _rescaling(teacher_input):
    """Scale and offset that standardise unit images."""
    mean, std = map(np.asarray, _INPUTS.get(teacher_input, teacher_input))
    return {"scale": (1 / std).tolist(), "offset": (-mean / std).tolist()}


def load_classifier(path):
    """Loads a .keras classifier in safe mode and checks the shape of what it takes and gives.

    Raises:
        RequestError: with what was expected and what came.
    """
    model, shapes = _load(path, "classifier")
    if not (_is_shape(shapes[0], 4) and _is_shape(shapes[1], 2)):
        raise RequestError(
            "Not an image classifier. Expected one input (batch, height, width, channels) and "
            f"one output (batch, classes). Received: {shapes[0]} and {shapes[1]} in {str(path)!r}"
        )
    return model


def load_generator(path):
    """Loads a .keras generator in safe mode and checks the shape of what it takes and gives.

    Raises:
        RequestError: with what was expected and what came.
    """
    model, shapes = _load(path, "generator")
    if not (_is_shape(shapes[0], 2) and _is_shape(shapes[1], 4)):
        raise RequestError(
            "Not a generator. Expected one input (batch, noise) and one output (batch, height, "
            f"width, channels). Received: {shapes[0]} and {shapes[1]} in {str(path)!r}"
        )
    return model


def _load(path, kind):
    """A model from a file, and the shapes of what it takes and gives as far as they are known."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise RequestError(f"No such file. Expected a .keras {kind}. Received: {str(path)!r}")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the broken file leads it to
        raise RequestError(
            f"Not a readable model. Expected a .keras file of Keras 3 layers. Received: "
            f"{str(path)!r} ({str(error).strip().splitlines()[0]})"
        ) from error
    return model, (getattr(model, "input_shape", None), getattr(model, "output_shape", None))


def _is_shape(shape, rank):
    return isinstance(shape, tuple) and len(shape) == rank and None not in shape[1:]
