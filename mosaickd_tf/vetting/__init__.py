"""Untrusted model files, examined before a library opens them.

Most checks parse the file in Python. Those that need a C library (HDF5, LiteRT) run first in a
subprocess with limits on memory and time: a file that crashes its reader ends the subprocess and
not the command.
"""

from mosaickd_tf.vetting.file_kinds import HDF5, KERAS, SAVED_MODEL, TFLITE, kind_of
from mosaickd_tf.vetting.hdf5_files import examine_arrays, examine_hdf5, open_hdf5
from mosaickd_tf.vetting.keras_files import check_classes, examine_keras, keras_version
from mosaickd_tf.vetting.saved_models import is_saved_model, operations
from mosaickd_tf.vetting.subprocess_check import examine_tflite, takes_batches

__all__ = [
    "HDF5",
    "KERAS",
    "SAVED_MODEL",
    "TFLITE",
    "check_classes",
    "examine_arrays",
    "examine_hdf5",
    "examine_keras",
    "examine_tflite",
    "is_saved_model",
    "keras_version",
    "kind_of",
    "open_hdf5",
    "operations",
    "takes_batches",
]
