"""Export of students to files whose outputs are verified against the student's."""

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
from mosaickd_tf.utils.deprecation import attribute_getter

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

__getattr__ = attribute_getter(__name__)
