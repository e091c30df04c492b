"""Compression of a student that keeps learning: integers, zeros, few values."""

from mosaickd_tf.compression.compression_pipeline import check_compressible, compress
from mosaickd_tf.compression.jobs import compression_jobs
from mosaickd_tf.utils.deprecation import attribute_getter

__all__ = ["check_compressible", "compress", "compression_jobs"]

__getattr__ = attribute_getter(__name__)
