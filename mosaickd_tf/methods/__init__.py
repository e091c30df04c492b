"""Ways in which a student learns from a teacher; each says what a round is."""

from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.methods.mosaic import MosaicDistiller

__all__ = ["KnowledgeDistiller", "MosaicDistiller"]
