"""The OOD images of which the teacher is least sure.

Source: Fang et al., 2021, the OOD subsets of ImageNet and Places365.
"""

import numpy as np


def select_ood_subset(teacher_logits, count):
    """Chooses the images with the highest entropy of the teacher's prediction.

    Args:
        teacher_logits: float `(n, num_classes)`, a row an image.
        count: how many to choose; all of them if there are no more.

    Returns:
        Indices `(min(n, count),)` in rising order. Of equals the first are chosen.
    """
    least_sure_first = np.argsort(-entropy(teacher_logits), kind="stable")
    return np.sort(least_sure_first[:count])


def entropy(logits):
    """Entropy of the softmax of each row, in nats; 0 where a probability underflows.

    Args:
        logits: float `(n, num_classes)`.

    Returns:
        Float64 `(n,)` in `[0, ln(num_classes)]`.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(np.exp(log_probs) * log_probs).sum(axis=-1)
