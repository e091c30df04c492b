"""The ways in which a student can leave, a row each."""

import dataclasses
import typing

import keras
import numpy as np

from mosaickd_tf.export import tflite, writers


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriterInputs:
    """What a writer makes a file of.

    Attributes:
        student: Keras model from unit images to logits.
        outputs: "probabilities" or "logits", what the file shall give.
        calibration: uint8 images `(n, height, width, channels)` that show a writer how large
            activations are, or None.
    """

    student: keras.Model
    outputs: str = "probabilities"
    calibration: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """One way to leave.

    Attributes:
        file: name of the file, or of the folder.
        write: function of a `WriterInputs` and a path.
        exact: whether the file computes what the student computes, but for rounding in
            float32; else the classes that it names decide, by `--min_agreement`.
        calibrated: whether the writer needs images.
    """

    file: str
    write: typing.Callable
    exact: bool = True
    calibrated: bool = False


def _plain(save):
    """A writer of a `WriterInputs` from a function of student, path and outputs."""
    return lambda material, path: save(material.student, path, material.outputs)


def _calibrated(save):
    """The same from a function that looks at images too."""
    return lambda material, path: save(
        material.student, path, material.outputs, calibration=material.calibration
    )


# The names are those of `config.EXPORTS`; the format "keras" adds the bare student.
FORMATS = {
    "keras": Format(file="serving.keras", write=_plain(writers.save_serving)),
    "saved_model": Format(file="saved_model", write=_plain(writers.save_saved_model)),
    "tflite_float32": Format(file="student_float32.tflite", write=_plain(tflite.save_tflite)),
    "tflite_float16": Format(
        file="student_float16.tflite", write=_plain(tflite.save_tflite_float16), exact=False
    ),
    "tflite_dynamic": Format(
        file="student_dynamic.tflite", write=_plain(tflite.save_tflite_dynamic), exact=False
    ),
    "tflite_int8": Format(
        file="student_int8.tflite",
        write=_calibrated(tflite.save_tflite_int8),
        exact=False,
        calibrated=True,
    ),
    "tflite_int16x8": Format(
        file="student_int16x8.tflite",
        write=_calibrated(tflite.save_tflite_int16x8),
        exact=False,
        calibrated=True,
    ),
}
