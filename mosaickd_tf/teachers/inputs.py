"""Images that a teacher takes: their shape, order of axes and range of pixels."""

import dataclasses
import math

import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.input_prefix import input_prefix
from mosaickd_tf.teachers import input_range
from mosaickd_tf.teachers.adaptation import of_unit_images

__all__ = ["TeacherInput", "assume_unit", "decide_pixels", "of_unit_images", "read_input"]

_GIVEN = ("teacher_input", "teacher_mean", "made by this program", "uint8 input", "quantization")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherInput:
    """Images that a teacher takes.

    Attributes:
        image_shape: `(height, width, channels)`; None for a side that the file leaves open.
        channels_first: whether the teacher's own order is `(channels, height, width)`.
        pixels: value of `teacher_input`, or a pair of mean and standard deviation of each channel
            of unit images; None while it is not decided.
        evidence: by what that is known, for messages.
        scores: number by hypothesis, where statistics decided; higher fits better.
        path: of the teacher's file, for messages.
    """

    image_shape: tuple
    channels_first: bool = False
    pixels: str | tuple | None = None
    evidence: str = ""
    scores: dict = dataclasses.field(default_factory=dict)
    path: str = ""


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
    model = file.model
    if len(model.inputs) != 1:
        raise RequestError(
            "The `teacher` has several inputs. Expected one, of images. Received: "
            f"{[tuple(tensor.shape) for tensor in model.inputs]} in {file.path!r}. Save a "
            "model of one input"
        )
    image_shape, channels_first = _image_shape(model.input_shape[1:], options.teacher_layout)
    taken = TeacherInput(image_shape=image_shape, channels_first=channels_first, path=file.path)
    if options.teacher_mean:
        pixels, evidence = (options.teacher_mean, options.teacher_std), "teacher_mean"
    elif options.teacher_input != "auto":
        pixels, evidence = options.teacher_input, "teacher_input"
    elif file.is_own:
        pixels, evidence = "unit", "made by this program"
    elif "float" not in model.inputs[0].dtype:
        pixels, evidence = "bytes", f"{model.inputs[0].dtype} input"
    elif file.pixels:
        pixels, evidence = file.pixels, file.pixels_by
    else:
        pixels, evidence = _read_pixels(model)
    return dataclasses.replace(taken, pixels=pixels, evidence=evidence)


def decide_pixels(taken, model, images):
    """Decides on the range of pixels where it is open, by the statistics that the model stores.

    A range that was read off the first layers is checked by them. Without statistics, the logits
    of the images decide.

    Args:
        taken: a `TeacherInput`.
        model: the Keras model of the file.
        images: uint8 images `(n, height, width, channels)` of any content.

    Returns:
        A `TeacherInput` with `pixels`.

    Raises:
        RequestError: when two hypotheses are close, with their scores and the flag for each.
    """
    if taken.pixels is not None and taken.evidence in _GIVEN:
        return taken
    return input_range.decide(taken, model, images)


def assume_unit(taken):
    """Returns a `TeacherInput` of unit images, for want of anything better."""
    return dataclasses.replace(taken, pixels="unit", evidence="assumed")


def _image_shape(shape, layout):
    """Returns `(height, width, channels)` of a model's images, and whether channels come first."""
    if len(shape) == 1 and shape[0]:
        for channels in (1, 3):
            side = math.isqrt(shape[0] // channels)
            if side * side * channels == shape[0]:
                return (side, side, channels), layout == "channels_first"
    if len(shape) == 2:
        return (*shape, 1), False
    if len(shape) == 3:
        first = layout == "channels_first"
        if layout == "auto":
            first = shape[0] in (1, 3) and shape[2] not in (1, 3)
        height, width, channels = (*shape[1:], shape[0]) if first else shape
        if channels in (1, 3):
            return (height, width, channels), first
    raise RequestError(
        "The `teacher` takes no images that it can be given here. Expected (height, width, "
        "channels) or, by `teacher_layout`, channels as the first axis, of 1 or 3 channels. "
        f"Received: {shape}, teacher_layout={layout}. Save the model with such an input"
    )


def _read_pixels(model):
    """Returns the range of pixels that the first layers show, and by which; or None and ""."""
    prefix = input_prefix(model)
    if prefix is None:
        return None, ""
    ends = {
        name: np.stack([prefix.low + prefix.slope * pixel for pixel in pixels])
        for name, pixels in input_range.FIXED.items()
    }
    for fits in (_is_usual, _is_standardized):
        fitting = [name for name, values in ends.items() if fits(values.min(0), values.max(0))]
        if fitting:
            break
    if len(fitting) != 1:
        return None, ""
    return fitting[0], f"{' and '.join(dict.fromkeys(prefix.layers))} inside"


def _is_usual(low, high):
    """Returns whether darkest and brightest pixels, a value each channel, are those of a range."""
    return any(
        np.allclose(low, known[0], atol=0.01) and np.allclose(high, known[1], rtol=0.01)
        for known in ((0, 1), (-1, 1), (-0.5, 0.5), (0, 255))
    )


def _is_standardized(low, high):
    """Returns whether darkest and brightest pixels are those of images minus mean values."""
    centered_bytes = np.all((low < -80) & (low > -160) & (high > 80) & (high < 160))
    span = high - low
    # A standard deviation of a sixth to a half of the range; darkness or light within 3 of them.
    standardized = np.all((low < -0.2) & (high > 0.2) & (span > 1.9) & (span < 6.2))
    return bool(centered_bytes or (standardized and np.all(low > -3.5) and np.all(high < 4.5)))
