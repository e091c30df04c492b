"""The OOD images of which the teacher is least sure.

Source: Fang et al., 2021, the OOD subsets of ImageNet and Places365.
"""

import numpy as np

from mosaickd_tf.errors import RequestError

FILE_NAME = "ood_subset.json"  # in a run's folder: what was chosen
_QUANTILES = {"min": 0.0, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "max": 1.0}


def select_ood_subset(entropies, count):
    """Chooses the images with the highest entropy of the teacher's prediction.

    Args:
        entropies: float `(n,)`, in any unit.
        count: how many to choose; all of them if there are no more.

    Returns:
        Indices `(min(n, count),)` in rising order. Of equals the first are chosen.
    """
    least_sure_first = np.argsort(-entropies, kind="stable")
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


def describe(opinions, chosen, num_classes):
    """What was chosen out of what, for the record of a run.

    Args:
        opinions: the teacher's `TeacherPredictions` of all images.
        chosen: indices of the chosen ones.
        num_classes: of the teacher.

    Returns:
        A JSON-able dict: `count`, `of`, quantiles of the `entropy` in nats of the `chosen` and
        of `all`, and `class_shares`: the share of each class, in the teacher's order, among
        what the teacher names on the chosen images.
    """
    named = np.bincount(opinions.predicted[chosen], minlength=num_classes)
    return {
        "count": len(chosen),
        "of": len(opinions.entropy),
        "entropy": {
            "chosen": _quantiles(opinions.entropy[chosen]),
            "all": _quantiles(opinions.entropy),
        },
        "class_shares": (named / len(chosen)).tolist(),
    }


def kept_subset(images, kept):
    """Takes the same images again.

    Args:
        images: the `ImageSet` of which a run took some.
        kept: what it kept in `FILE_NAME`, or None where it kept nothing.

    Returns:
        An `ImageSet`.

    Raises:
        RequestError: when there are not as many images as there were.
    """
    if not kept or "rows" not in kept:  # as of versions that did not keep them
        return images
    if len(images) != kept["of"]:
        raise RequestError(
            f"The OOD pictures have changed since the run. Expected {kept['of']:,} of them. "
            f"Received: {len(images):,} from {images.source}. Name some with --images"
        )
    return images.take(kept["rows"])


def _quantiles(values):
    return {name: float(np.quantile(values, at)) for name, at in _QUANTILES.items()}
