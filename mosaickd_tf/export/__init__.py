"""The student leaves as files that are proven to be the student."""

from mosaickd_tf.export.calibration import Calibration
from mosaickd_tf.export.exporter import export_student
from mosaickd_tf.export.images import ExportImages, export_with_images
from mosaickd_tf.export.serving import serving_model
from mosaickd_tf.export.sources import GENERATOR, export_file, save_generator, synthesizer
from mosaickd_tf.export.tflite import (
    save_tflite,
    save_tflite_dynamic,
    save_tflite_float16,
    save_tflite_int8,
    save_tflite_int16x8,
)
from mosaickd_tf.export.verify import latency_ms
from mosaickd_tf.export.writers import save_saved_model, save_serving, save_student

__all__ = [
    "GENERATOR",
    "Calibration",
    "ExportImages",
    "export_file",
    "export_student",
    "export_with_images",
    "latency_ms",
    "save_generator",
    "save_saved_model",
    "save_serving",
    "save_student",
    "save_tflite",
    "save_tflite_dynamic",
    "save_tflite_float16",
    "save_tflite_int16x8",
    "save_tflite_int8",
    "serving_model",
    "synthesizer",
]
