"""Synthetic images with the logits of the teacher, for other tools."""

from mosaickd_tf.synthesis.image_source import ImageSource, open_image_source
from mosaickd_tf.synthesis.writing import synthesize
from mosaickd_tf.utils.deprecation import attribute_getter

__all__ = ["ImageSource", "open_image_source", "synthesize"]

__getattr__ = attribute_getter(__name__)
