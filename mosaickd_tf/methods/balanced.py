"""Plain distillation on as many OOD images of each class that the teacher predicts."""

import logging

import numpy as np

from mosaickd_tf.config.method import Method
from mosaickd_tf.config.terms import DISTILLATION
from mosaickd_tf.methods.kd import KnowledgeDistiller

logger = logging.getLogger(__name__)

METHOD = Method(
    name="balanced",
    distiller="BalancedDistiller",
    source="Nayak et al., Effectiveness of Arbitrary Transfer Sets, WACV 2021",
    terms=(DISTILLATION,),
    tasks=("single_label",),
)


class BalancedDistiller(KnowledgeDistiller):
    """Plain distillation, whose round it has, on a transfer set with balanced predictions.

    Reference:
        - [Nayak et al., 2021](https://arxiv.org/abs/2011.09113)
    """

    method = METHOD

    @staticmethod
    def select_transfer_indices(predicted):
        """Selects the OOD images to learn from.

        Args:
            predicted: int `(n,)`, the class that the teacher predicts for each OOD image.

        Returns:
            Int64 indices of the data set in rising order, as of `balanced_indices`.
        """
        indices = balanced_indices(predicted)
        classes, counts = np.unique(predicted, return_counts=True)
        logger.info(
            "balanced: %s images of each of the %d classes that the teacher predicts; it predicts "
            "each for %s to %s images",
            f"{len(indices) // len(classes):,}",
            len(classes),
            f"{counts.min():,}",
            f"{counts.max():,}",
        )
        return indices


def balanced_indices(predicted):
    """Returns indices of a data set among which every predicted class is equally frequent.

    As many in all as there are images, or a few less. Of a class with more images than its share,
    evenly spaced ones are taken; those of a class with fewer are repeated.

    Args:
        predicted: int `(n,)`, the predicted class of each image, n at least 1.

    Returns:
        Int64 `(m,)` in rising order, m at most n.
    """
    classes = np.unique(predicted)
    share = len(predicted) // len(classes)
    chosen = []
    for number in classes:
        own = np.flatnonzero(predicted == number)
        chosen.append(own[np.arange(share) * len(own) // share])
    return np.sort(np.concatenate(chosen))
