"""The student leaves as files that are proven to be the student."""

from mosaickd_tf.export.checking import latency_ms
from mosaickd_tf.export.everything import export_file, export_student
from mosaickd_tf.export.serving import serving_model
from mosaickd_tf.export.writers import (
    save_saved_model,
    save_serving,
    save_student,
    save_tflite,
)

__all__ = [
    "export_file",
    "export_student",
    "latency_ms",
    "save_saved_model",
    "save_serving",
    "save_student",
    "save_tflite",
    "serving_model",
]
