"""Time and memory of a round, and their growth with batch, image size and classes."""

from mosaickd_tf.benchmarking.growth import measure_growth
from mosaickd_tf.benchmarking.round_time import measure_round

__all__ = ["measure_growth", "measure_round"]
