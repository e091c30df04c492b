"""Kind of a classifier's outputs, told by their values."""

import numpy as np

_TOLERANCE = 1e-3  # of the sum of float32 probabilities; ten times that in lower precision
_SURE = 0.05  # a sigmoid is believed where values come this close to both 0 and 1


def kind_of_values(outputs):
    """Tells by its values what the output of a classifier is.

    Args:
        outputs: finite `(n, labels)`, of real images.

    Returns:
        "softmax" for rows that are probabilities of one label, "sigmoid" for values in [0, 1] that
        come close to both, "logits" for values outside, and "" where that does not tell.
    """
    low_precision = outputs.dtype not in (np.float32, np.float64)
    rows = np.asarray(outputs, "float64")
    if rows.min() < 0 or rows.max() > 1 + 10 * _TOLERANCE:
        saturates = rows.min() < -1 + _SURE and rows.max() > 1 - _SURE
        is_tanh = np.abs(rows).max() <= 1 and saturates
        return "" if is_tanh else "logits"
    tolerance = 10 * _TOLERANCE if low_precision else _TOLERANCE
    if np.array_equal(rows * 256, np.round(rows * 256)):  # of a network in 8-bit integers
        tolerance = max(tolerance, min(0.5, rows.shape[-1] / 512))
    if rows.shape[-1] > 1 and np.all(np.abs(rows.sum(axis=-1) - 1) <= tolerance):
        return "softmax"
    return "sigmoid" if rows.min() < _SURE and rows.max() > 1 - _SURE else ""
