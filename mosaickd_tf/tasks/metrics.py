"""Metrics of predictions of one class an image, pure functions in NumPy."""

import numpy as np


def softmax(logits):
    """Computes the softmax of logits.

    Args:
        logits: `(n, num_classes)`, any float dtype.

    Returns:
        Float64 `(n, num_classes)` in [0, 1].
    """
    exponentials = np.exp(logits.astype("float64") - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def predicted_classes(outputs):
    """Returns the class of the highest output of each image.

    Args:
        outputs: `(n, num_classes)` logits or probabilities.

    Returns:
        Integers `(n,)`; of equal outputs the first.
    """
    return outputs.argmax(axis=-1)


def top_k_accuracy(outputs, labels, k=1):
    """Computes the share of images whose label is among the `k` highest outputs.

    Args:
        outputs: `(n, num_classes)` logits or probabilities.
        labels: integers `(n,)`.
        k: at least 1; limited to the number of classes.

    Returns:
        A float in [0, 1].
    """
    k = min(k, outputs.shape[-1])
    best = np.argsort(-outputs.astype("float64"), axis=-1, kind="stable")[:, :k]
    return float(np.mean(np.any(best == np.asarray(labels)[:, np.newaxis], axis=-1)))


def agreement(outputs, other_outputs):
    """Computes the share of images on which both predict the same class.

    Args:
        outputs: `(n, num_classes)` logits or probabilities.
        other_outputs: those of another classifier, of the same shape.

    Returns:
        A float in [0, 1].
    """
    return float(np.mean(predicted_classes(outputs) == predicted_classes(other_outputs)))


def prediction_diversity(outputs, other_outputs):
    """Computes how diverse the predicted classes are, relative to another classifier's.

    The share of predictions outside of the most frequent class, divided by the other's share.

    Args:
        outputs: `(n, num_classes)` logits or probabilities.
        other_outputs: those of a reference classifier, of the same shape.

    Returns:
        A float, 0 if a single class is predicted; None if the other predicts a single class.
    """
    share, other_share = (
        1.0 - np.bincount(predicted_classes(rows)).max() / len(rows)
        for rows in (outputs, other_outputs)
    )
    return float(share / other_share) if other_share else None


def per_class_accuracy(outputs, labels):
    """Computes the top-1 accuracy of each class.

    Args:
        outputs: `(n, num_classes)` logits or probabilities.
        labels: integers `(n,)`.

    Returns:
        A list of `num_classes` floats in [0, 1]; None for a class without images.
    """
    correct = predicted_classes(outputs) == labels
    return [
        float(correct[labels == c].mean()) if np.any(labels == c) else None
        for c in range(outputs.shape[-1])
    ]


def entropy(logits):
    """Computes the entropy of the softmax of each row, in nats; an underflow contributes 0.

    Args:
        logits: float `(n, num_classes)`.

    Returns:
        Float64 `(n,)` in `[0, ln(num_classes)]`.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(np.exp(log_probs) * log_probs).sum(axis=-1)


def confusion_matrix(labels, predictions, num_classes):
    """Counts the images of each true class by predicted class.

    Args:
        labels: integers `(n,)`, the true classes.
        predictions: integers `(n,)`, the predicted classes.
        num_classes: above all of them.

    Returns:
        Integers `(num_classes, num_classes)`, a row for each true class.
    """
    pairs = np.asarray(labels) * num_classes + np.asarray(predictions)
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)
