"""Model files from elsewhere, examined before a library opens them.

What can be read is read here, by Python. What only a library in C can tell (HDF5, LiteRT) is
tried first in a process of its own, with limits on memory and time: a file that crashes its
reader ends that process and not the command.
"""

from mosaickd_tf.vetting.keras_files import examine_keras
from mosaickd_tf.vetting.saved_models import is_saved_model, operations
from mosaickd_tf.vetting.trial import examine_tflite

__all__ = ["examine_keras", "examine_tflite", "is_saved_model", "operations"]
