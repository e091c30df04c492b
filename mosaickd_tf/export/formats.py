"""Formats of exported students, a row each."""

import dataclasses
import typing

import keras
import numpy as np

from mosaickd_tf.export import tflite, writers
from mosaickd_tf.tasks import TASKS, Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriterInputs:
    """Inputs of a writer.

    Attributes:
        student: Keras model from unit images to logits.
        outputs: "probabilities" or "logits", the outputs of the file.
        calibration: uint8 images `(n, height, width, channels)` by which a writer measures the
            ranges of activations, or None.
        task: `Task` of the student.
    """

    student: keras.Model
    outputs: str = "probabilities"
    calibration: np.ndarray | None = None
    task: Task = TASKS["single_label"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """Format of an exported student.

    Attributes:
        file: name of the file, or of the folder.
        write: function of a `WriterInputs` and a path.
        exact: whether outputs equal the student's but for rounding in float32; of others the
            predictions are compared, by `min_agreement` of `ExportConfig`.
        calibrated: whether the writer needs images.
    """

    file: str
    write: typing.Callable
    exact: bool = True
    calibrated: bool = False


def _plain(save):
    """Returns a writer of `WriterInputs` from a function of student, path, outputs and task."""
    return lambda inputs, path: save(inputs.student, path, inputs.outputs, task=inputs.task)


def _calibrated(save):
    """Returns the same from a function that takes images too."""
    return lambda inputs, path: save(
        inputs.student,
        path,
        inputs.outputs,
        task=inputs.task,
        calibration=inputs.calibration,
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
