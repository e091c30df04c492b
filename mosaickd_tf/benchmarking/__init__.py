"""How fast a round is, how much memory it takes, and how both grow."""

from mosaickd_tf.benchmarking.growth import measure_growth
from mosaickd_tf.benchmarking.round_time import measure_round

__all__ = ["measure_growth", "measure_round"]
