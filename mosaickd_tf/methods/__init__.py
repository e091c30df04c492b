"""Ways in which a student learns from a teacher; each says what a round is."""

from mosaickd_tf.methods.generative import GenerativeDistiller
from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.methods.mosaic import MosaicDistiller

# The names that `--method` knows, as `config.METHODS` has them.
METHODS = {
    "mosaic": MosaicDistiller,
    "kd": KnowledgeDistiller,
}

__all__ = ["METHODS", "GenerativeDistiller", "KnowledgeDistiller", "MosaicDistiller"]
