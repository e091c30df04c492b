"""Any number of labels an image: an independent sigmoid each."""

import keras
import numpy as np
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.tasks.base import Task


class MultiLabel(Task):
    """Each image has any of the labels; probabilities are sigmoids of the logits.

    A single sigmoid unit, as of a binary classifier, is one label.
    """

    name = "multi_label"
    label_rank = 2
    validation_metrics = ("mean_average_precision", "accuracy")

    def divergences(self, teacher_logits, student_logits, temperature=1.0):
        """See `Task.divergences`; summed over labels."""
        return losses.multi_label_divergences(teacher_logits, student_logits, temperature)

    def distillation_loss(self, teacher_logits, student_logits, temperature=1.0):
        """See `Task.distillation_loss`; summed over labels."""
        return losses.multi_label_distillation_loss(teacher_logits, student_logits, temperature)

    def label_space_alignment_loss(self, teacher_logits):
        """See `Task.label_space_alignment_loss`; summed over labels."""
        return losses.multi_label_alignment_loss(teacher_logits)

    def class_balance_loss(self, teacher_logits):
        """See `Task.class_balance_loss`; of the labels and of no label."""
        return losses.multi_label_balance_loss(teacher_logits)

    def one_hot_loss(self, teacher_logits):
        """See `Task.one_hot_loss`; summed over labels."""
        return losses.multi_label_one_hot_loss(teacher_logits)

    def supervised_loss(self):
        """See `Task.supervised_loss`; the mean over labels."""
        return keras.losses.BinaryCrossentropy(from_logits=True)

    def accuracy_metric(self, name="accuracy"):
        """See `Task.accuracy_metric`; the share of labels that are right."""
        return keras.metrics.BinaryAccuracy(name=name, threshold=0.0)

    def agrees(self, logits, other_logits):
        """See `Task.agrees`; the share of labels on which both agree."""
        same = tf.cast((logits > 0) == (other_logits > 0), "float32")
        return tf.reduce_mean(same, axis=-1)

    def probability_layer(self, name):
        """See `Task.probability_layer`."""
        return keras.layers.Activation("sigmoid", name=name)

    def probabilities(self, logits):
        """See `Task.probabilities`."""
        if tf.is_tensor(logits):
            return tf.sigmoid(logits)
        return 0.5 * (1.0 + np.tanh(0.5 * logits.astype("float64")))

    def looks_like_probabilities(self, outputs):
        """See `Task.looks_like_probabilities`: all within [0, 1], and not all alike."""
        return bool(outputs.min() >= 0 and outputs.max() <= 1 and np.ptp(outputs) > 0)

    def predictions(self, outputs, kind="logits"):
        """Returns the predicted labels, uint8 `(n, labels)`, 1 where a label is present."""
        return (outputs > (0.5 if kind == "probabilities" else 0.0)).astype(np.uint8)

    def count_labels(self, predictions, num_labels):
        """See `Task.count_labels`; an image counts for each of its labels."""
        return predictions.sum(axis=0, dtype=int).tolist()

    def has_label(self, predictions, label):
        """See `Task.has_label`."""
        return predictions[:, label] == 1

    def as_lists(self, predictions):
        """Returns a list of label numbers for each image."""
        return [np.flatnonzero(row).tolist() for row in np.asarray(predictions)]

    def confidence(self, logits):
        """Returns the mean probability of the likelier state of each label."""
        probabilities = self.probabilities(logits)
        return float(np.maximum(probabilities, 1 - probabilities).mean())

    def metrics(self, outputs, labels, kind="logits"):
        """Returns the metrics of outputs, floats in [0, 1].

        Args:
            outputs: `(n, labels)`.
            labels: multi-hot `(n, labels)`.
            kind: "logits" or "probabilities".

        Returns:
            Dict of `accuracy` (share of labels that are right), `top5_accuracy` (None, it has no
            meaning here), `exact_match` (share of images whose labels are all right) and
            `mean_average_precision` (over the labels that some image has; None without any).
        """
        labels = np.asarray(labels)
        right = self.predictions(outputs, kind) == labels
        precisions = [average_precision(outputs[:, i], labels[:, i]) for i in range(right.shape[1])]
        known = [precision for precision in precisions if precision is not None]
        return {
            "accuracy": float(right.mean()),
            "top5_accuracy": None,
            "exact_match": float(right.all(axis=-1).mean()),
            "mean_average_precision": float(np.mean(known)) if known else None,
        }

    def per_label_accuracy(self, outputs, labels, kind="logits"):
        """Returns the share of images on which each label is right."""
        right = self.predictions(outputs, kind) == np.asarray(labels)
        return right.mean(axis=0).astype(float).tolist()

    def agreement(self, outputs, other_outputs, kind="logits", other_kind="logits"):
        """Returns the share of labels on which the predictions are equal."""
        predictions = self.predictions(outputs, kind)
        return float(np.mean(predictions == self.predictions(other_outputs, other_kind)))

    def prediction_diversity(self, outputs, other_outputs):
        """Returns how far predictions vary over images, relative to those of another model.

        Per label the share of images outside of its more frequent state, the mean over labels.

        Args:
            outputs: logits `(n, labels)`.
            other_outputs: those of a model that is right about the labels.

        Returns:
            A float, 0 where all images have the same labels; None where the other model's do.
        """
        shares = [self.predictions(rows).mean(axis=0) for rows in (outputs, other_outputs)]
        own, other = (float(np.minimum(share, 1 - share).mean()) for share in shares)
        return own / other if other else None

    def entropy(self, logits):
        """Returns the entropy summed over labels, float64 `(n,)`, in nats."""
        logits = logits.astype(np.float64)
        present, absent = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)
        return -(np.exp(present) * present + np.exp(absent) * absent).sum(axis=-1)


def average_precision(scores, labels):
    """Returns the area under the precision-recall curve of a label, as a step function.

    Args:
        scores: `(n,)`; of equal ones the precision is that after all of them.
        labels: 1 or 0, `(n,)`.

    Returns:
        A float in [0, 1]; None where no image has the label.
    """
    labels = np.asarray(labels, bool)
    if not labels.any():
        return None
    order = np.argsort(-scores.astype("float64"), kind="stable")
    hits = np.cumsum(labels[order])
    last = np.append(np.diff(scores[order]) != 0, True)  # the end of each run of equal scores
    hits, positions = hits[last], (np.arange(len(scores)) + 1)[last]
    gained = np.diff(hits, prepend=0)
    return float(np.sum(gained * hits / positions) / labels.sum())
