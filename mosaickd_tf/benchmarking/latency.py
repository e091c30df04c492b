"""Latency of exported students."""

import logging
import tempfile

import numpy as np

from mosaickd_tf import export
from mosaickd_tf.config import COMPRESSED, EXPORTS, ExportConfig
from mosaickd_tf.errors import RequestError

logger = logging.getLogger(__name__)

FORMATS = tuple(x for x in EXPORTS if x.startswith("tflite_") and x not in COMPRESSED)
_COMPARED = 8  # random images on which each file is compared with the student


def latencies(student):
    """Exports a student to every .tflite format without training, and measures each file.

    Args:
        student: Keras model from unit images to logits.

    Returns:
        The entries of `export.export_student`.
    """
    shape = (_COMPARED, *student.input_shape[1:])
    images = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    calibration = export.Calibration(images=images, counts={"random": _COMPARED})
    entries = []
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            # Random weights predict arbitrary classes: agreement says nothing about a file.
            config = ExportConfig(exports=(name,), min_agreement=0.0)
            try:
                entries += export.export_student(
                    student, folder, config, images, calibration=calibration
                )
            except RequestError as error:  # a deep network of random weights may return 0
                logger.info("%s is skipped. %s", name, error)
    return entries
