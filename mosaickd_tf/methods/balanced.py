"""Plain distillation on as many OOD images of each class that the teacher predicts."""

import logging

import numpy as np

from mosaickd_tf.methods.kd import KnowledgeDistiller

logger = logging.getLogger(__name__)


class BalancedDistiller(KnowledgeDistiller):
    """Plain distillation on a transfer set that the teacher finds balanced.

    Reference:
        - [Nayak et al., 2021](https://arxiv.org/abs/2011.09113)
    """

    source = "Nayak et al., Effectiveness of Arbitrary Transfer Sets, WACV 2021"

    @classmethod
    def select_transfer_indices(cls, predict):
        """See `Distiller.select_transfer_indices`."""
        predicted = np.argmax(predict(), axis=-1)
        rows = balanced_rows(predicted)
        classes, counts = np.unique(predicted, return_counts=True)
        logger.info(
            "balanced: %s rows for each of the %d classes that the teacher sees; it sees %s to "
            "%s images of a class",
            f"{len(rows) // len(classes):,}",
            len(classes),
            f"{counts.min():,}",
            f"{counts.max():,}",
        )
        return rows


def balanced_rows(predicted):
    """Rows of a data set among which every predicted class that occurs is as frequent.

    As many rows in all as there are images, or a few less. Of a class with more images than
    its share, evenly spaced ones are taken; those of a class with fewer are repeated.

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
