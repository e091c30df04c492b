"""Ways in which a student learns from a teacher; each says what a round is."""

from mosaickd_tf.methods.dafl import DaflDistiller
from mosaickd_tf.methods.deep_inversion import DeepInversionDistiller
from mosaickd_tf.methods.dfq import DfqDistiller
from mosaickd_tf.methods.generative import GenerativeDistiller
from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.methods.mosaic import MosaicDistiller
from mosaickd_tf.methods.zskt import ZsktDistiller

# The names that `--method` knows, as `config.METHODS` has them.
METHODS = {
    "mosaic": MosaicDistiller,
    "kd": KnowledgeDistiller,
    "dafl": DaflDistiller,
    "zskt": ZsktDistiller,
    "deep_inversion": DeepInversionDistiller,
    "dfq": DfqDistiller,
}

__all__ = [
    "METHODS",
    "DaflDistiller",
    "DeepInversionDistiller",
    "DfqDistiller",
    "GenerativeDistiller",
    "KnowledgeDistiller",
    "MosaicDistiller",
    "ZsktDistiller",
]
