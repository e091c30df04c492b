"""The student is compressed while it goes on learning: integers, zeros, few values."""

from mosaickd_tf.compression.making import check, compress
from mosaickd_tf.compression.stages import stages

__all__ = ["check", "compress", "stages"]
