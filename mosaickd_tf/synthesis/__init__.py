"""Synthetic images and what the teacher says of them, for other tools."""

from mosaickd_tf.synthesis.supply import Supply, open_supply
from mosaickd_tf.synthesis.writing import synthesize

__all__ = ["Supply", "open_supply", "synthesize"]
