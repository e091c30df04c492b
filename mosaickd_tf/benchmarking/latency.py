"""How long an exported student takes for an image."""

import pathlib
import tempfile

import numpy as np

from mosaickd_tf import export, machine
from mosaickd_tf.config import EXPORTS, ExportConfig

_COMPARED = 8  # random images on which each file is held against the student


def latencies(student):
    """Exports a student as every .tflite and times each.

    Args:
        student: Keras model from unit images to logits.

    Returns:
        The entries of `export.export_student`, whose `latency_ms` is on one thread, each with
        `latency_ms_all_threads`.
    """
    formats = tuple(name for name in EXPORTS if name.startswith("tflite"))
    shape = (_COMPARED, *student.input_shape[1:])
    images = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        entries = export.export_student(student, folder, ExportConfig(exports=formats), images)
        return [
            entry
            | {
                "latency_ms_all_threads": export.latency_ms(
                    pathlib.Path(folder) / entry["path"], images[:1], threads=machine.cores()
                )
            }
            for entry in entries
        ]
