"""Synthetic images and what the teacher says of them, for other tools."""

from mosaickd_tf.synthesis.image_source import ImageSource, open_image_source
from mosaickd_tf.synthesis.writing import synthesize

__all__ = ["ImageSource", "open_image_source", "synthesize"]
