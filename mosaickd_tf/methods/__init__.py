"""Ways in which a student learns from a teacher; each says what a round is."""

from mosaickd_tf.methods.balanced import BalancedDistiller
from mosaickd_tf.methods.crd import ContrastiveDistiller
from mosaickd_tf.methods.dro_ood import RobustDistiller
from mosaickd_tf.methods.fitnet import HintDistiller
from mosaickd_tf.methods.generative import GenerativeDistiller
from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.methods.mosaic import MosaicDistiller
from mosaickd_tf.methods.rkd import RelationalDistiller
from mosaickd_tf.methods.sskd import SelfSupervisedDistiller

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
}

__all__ = [
    "METHODS",
    "BalancedDistiller",
    "ContrastiveDistiller",
    "GenerativeDistiller",
    "HintDistiller",
    "KnowledgeDistiller",
    "MosaicDistiller",
    "RelationalDistiller",
    "RobustDistiller",
    "SelfSupervisedDistiller",
]
