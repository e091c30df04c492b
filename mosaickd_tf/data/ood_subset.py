"""Selection of the OOD images on which the teacher is least confident.

Source: Fang et al., 2021, the OOD subsets of ImageNet and Places365.
"""

import numpy as np

from mosaickd_tf.errors import RequestError

FILE_NAME = "ood_subset.json"  # the record of the selection in a run's folder
_QUANTILES = {"min": 0.0, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "max": 1.0}


def select_ood_subset(entropies, count):
    """Selects the images with the highest entropy of the teacher's prediction.

    Args:
        entropies: float `(n,)`, in any unit.
        count: how many to select; all if there are fewer.

    Returns:
        Indices `(min(n, count),)` in ascending order. Of equal entropies the first are selected.
    """
    least_confident_first = np.argsort(-entropies, kind="stable")
    return np.sort(least_confident_first[:count])


def describe(predictions, chosen, num_labels, task):
    """Summarizes a selection for the record of a run.

    Args:
        predictions: the teacher's `TeacherPredictions` of all images.
        chosen: indices of the selected ones.
        num_labels: number of the teacher's classes or labels.
        task: a `Task`.

    Returns:
        A JSON-able dict: `count`, `of`, quantiles of the `entropy` in nats of the `chosen` and
        of `all`, and `class_shares`: the share of each class among the teacher's predictions on the
        selected images.
    """
    counts = np.array(task.count_labels(predictions.predicted[chosen], num_labels))
    return {
        "count": len(chosen),
        "of": len(predictions.entropy),
        "entropy": {
            "chosen": _quantiles(predictions.entropy[chosen]),
            "all": _quantiles(predictions.entropy),
        },
        "class_shares": (counts / len(chosen)).tolist(),
    }


def restore_subset(images, record):
    """Selects the images that a run selected.

    Args:
        images: the `ImageSet` that it selected from.
        record: content of its `FILE_NAME`, or None where there is none.

    Returns:
        An `ImageSet`.

    Raises:
        RequestError: when the number of images has changed.
    """
    if not record or "rows" not in record:  # written by a version without rows
        return images
    if len(images) != record["of"]:
        raise RequestError(
            f"The OOD images have changed since the run. Expected {record['of']:,} of them. "
            f"Received: {len(images):,} from {images.source}. Name other images by `images`"
        )
    return images.take(record["rows"])


def _quantiles(values):
    return {name: float(np.quantile(values, at)) for name, at in _QUANTILES.items()}
