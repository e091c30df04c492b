"""Ways in which a student learns from a teacher; each says what a round is."""

from mosaickd_tf.methods.balanced import BalancedDistiller
from mosaickd_tf.methods.crd import ContrastiveDistiller
from mosaickd_tf.methods.dafl import DaflDistiller
from mosaickd_tf.methods.deep_inversion import DeepInversionDistiller
from mosaickd_tf.methods.dfq import DfqDistiller
from mosaickd_tf.methods.dro_ood import RobustDistiller
from mosaickd_tf.methods.fitnet import HintDistiller
from mosaickd_tf.methods.generative import GenerativeDistiller
from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.methods.mosaic import MosaicDistiller
from mosaickd_tf.methods.rkd import RelationalDistiller
from mosaickd_tf.methods.sskd import SelfSupervisedDistiller
from mosaickd_tf.methods.zskt import ZsktDistiller

# The names that `--method` knows, as `config.METHODS` has them.
METHODS = {
    "mosaic": MosaicDistiller,
    "kd": KnowledgeDistiller,
    "dro_ood": RobustDistiller,
    "balanced": BalancedDistiller,
    "fitnet": HintDistiller,
    "rkd": RelationalDistiller,
    "crd": ContrastiveDistiller,
    "sskd": SelfSupervisedDistiller,
    "dafl": DaflDistiller,
    "zskt": ZsktDistiller,
    "deep_inversion": DeepInversionDistiller,
    "dfq": DfqDistiller,
}

__all__ = [
    "METHODS",
    "BalancedDistiller",
    "ContrastiveDistiller",
    "DaflDistiller",
    "DeepInversionDistiller",
    "DfqDistiller",
    "GenerativeDistiller",
    "HintDistiller",
    "KnowledgeDistiller",
    "MosaicDistiller",
    "RelationalDistiller",
    "RobustDistiller",
    "SelfSupervisedDistiller",
    "ZsktDistiller",
]
