"""Untrusted model files, examined before a library opens them.

Most checks parse the file in Python. Those that need a C library (HDF5, LiteRT) run first in a
subprocess with limits on memory and time: a file that crashes its reader ends the subprocess and
not the command.
"""

from mosaickd_tf.vetting.keras_files import examine_keras
from mosaickd_tf.vetting.saved_models import is_saved_model, operations
from mosaickd_tf.vetting.subprocess_check import examine_tflite

__all__ = ["examine_keras", "examine_tflite", "is_saved_model", "operations"]
