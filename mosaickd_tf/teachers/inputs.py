"""Images that a teacher takes: their shape, order of axes and range of pixels."""

import dataclasses

import keras
import numpy as np

from mosaickd_tf.data import datasets
from mosaickd_tf.errors import RequestError

# Mean and standard deviation of unit images by which a teacher's input is standardized.
RANGES = {
    "unit": (0.0, 1.0),
    "signed": (0.5, 0.5),
    "bytes": (0.0, 1 / 255),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherInput:
    """Images that a teacher takes.

    Attributes:
        image_shape: `(height, width, channels)`; None for a side that the file leaves open.
        channels_first: whether the teacher's own order is `(channels, height, width)`.
        pixels: value of `teacher_input`, or a pair of mean and standard deviation of each channel
            of unit images; None while it is not decided.
        evidence: by what that is known, for messages.
        scores: number by hypothesis, where images decided; higher fits better.
    """

    image_shape: tuple
    channels_first: bool = False
    pixels: str | tuple | None = None
    evidence: str = ""
    scores: dict = dataclasses.field(default_factory=dict)


def read_input(file, options):
    """Reads off a model file, and the options, which images it takes.

    Args:
        file: a `ModelFile`.
        options: a `TeacherConfig`.

    Returns:
        A `TeacherInput`, whose `pixels` are None where neither tells.

    Raises:
        RequestError: for a model that takes no images, and options that do not fit it.
    """
    if options.teacher_mean:
        pixels, evidence = (options.teacher_mean, options.teacher_std), "teacher_mean"
    elif options.teacher_input != "auto":
        pixels, evidence = options.teacher_input, "teacher_input"
    else:
        pixels, evidence = "unit", "default"
    return TeacherInput(image_shape=file.model.input_shape[1:], pixels=pixels, evidence=evidence)


def decide_pixels(taken, model, images):
    """Decides on the range of pixels where it is open, by how well real images fit.

    Args:
        taken: a `TeacherInput`.
        model: the Keras model of the file.
        images: uint8 images `(n, height, width, channels)` of any content.

    Returns:
        A `TeacherInput` with `pixels`.

    Raises:
        RequestError: when two hypotheses are close, with their scores and the flag for each.
    """
    return taken


def of_unit_images(model, taken, image_shape):
    """Puts in front of a model what turns unit images into the images that it takes.

    Args:
        model: the Keras model of the file.
        taken: its `TeacherInput`, decided.
        image_shape: `(height, width, channels)` of the unit images.

    Returns:
        A Keras model from unit images `image_shape` to the outputs of the model; the model itself
        where nothing has to be done.
    """
    if taken.pixels == "unit" and model.input_shape[1:] == tuple(image_shape):
        return model
    rescaling = _rescaling(taken.pixels)
    channels = model.input_shape[-1]
    if np.size(rescaling["scale"]) not in (1, channels):
        raise RequestError(
            "`teacher_input` has statistics of 3 channels. Expected unit, signed or bytes. "
            f"Received: teacher_input={taken.pixels} for {channels} channels. Choose another"
        )
    images = keras.Input(model.input_shape[1:], name="unit_images")
    scaled = keras.layers.Rescaling(**rescaling, name="teacher_input")(images)
    return keras.Model(images, model(scaled), name=model.name)


def _rescaling(pixels):
    """Returns the scale and offset that standardize unit images."""
    known = RANGES.get(pixels) if isinstance(pixels, str) else None
    mean, std = map(np.asarray, known or datasets.teacher_input(pixels))
    return {"scale": (1 / std).tolist(), "offset": (-mean / std).tolist()}
