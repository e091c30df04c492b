"""The student is compressed while it goes on learning: integers, zeros, few values."""

from mosaickd_tf.compression.compression_pipeline import check, compress
from mosaickd_tf.compression.jobs import stages

__all__ = ["check", "compress", "stages"]
