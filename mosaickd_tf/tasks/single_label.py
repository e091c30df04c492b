"""One label an image: softmax over classes."""

import keras
import numpy as np
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.tasks import metrics
from mosaickd_tf.tasks.base import Task


class SingleLabel(Task):
    """Each image has exactly one of the classes; probabilities are a softmax of the logits."""

    name = "single_label"
    label_rank = 1

    def divergences(self, teacher_logits, student_logits, temperature=1.0):
        """See `Task.divergences`."""
        return losses.divergences(teacher_logits, student_logits, temperature)

    def distillation_loss(self, teacher_logits, student_logits, temperature=1.0):
        """See `Task.distillation_loss`."""
        return losses.distillation_loss(teacher_logits, student_logits, temperature)

    def label_space_alignment_loss(self, teacher_logits):
        """See `Task.label_space_alignment_loss`."""
        return losses.label_space_alignment_loss(teacher_logits)

    def class_balance_loss(self, teacher_logits):
        """See `Task.class_balance_loss`."""
        return losses.class_balance_loss(teacher_logits)

    def one_hot_loss(self, teacher_logits):
        """See `Task.one_hot_loss`."""
        return losses.one_hot_loss(teacher_logits)

    def likeliest(self, logits):
        """Returns the class with the highest of the logits, int64 `(batch,)`, of a tensor."""
        return tf.argmax(logits, axis=-1)

    def supervised_loss(self):
        """See `Task.supervised_loss`."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def accuracy_metric(self, name="accuracy"):
        """See `Task.accuracy_metric`."""
        return keras.metrics.SparseCategoricalAccuracy(name=name)

    def agrees(self, logits, other_logits):
        """See `Task.agrees`."""
        return tf.cast(self.likeliest(logits) == self.likeliest(other_logits), "float32")

    def probability_layer(self, name):
        """See `Task.probability_layer`."""
        return keras.layers.Softmax(name=name)

    def probabilities(self, logits):
        """See `Task.probabilities`."""
        if tf.is_tensor(logits):
            return tf.nn.softmax(logits)
        return metrics.softmax(logits)

    def looks_like_probabilities(self, outputs):
        """See `Task.looks_like_probabilities`."""
        return bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3))

    def predictions(self, outputs, kind="logits"):
        """Returns the predicted classes, int64 `(n,)`."""
        return metrics.predicted_classes(outputs)

    def count_labels(self, predictions, num_labels):
        """See `Task.count_labels`."""
        return np.bincount(predictions, minlength=num_labels).tolist()

    def has_label(self, predictions, label):
        """See `Task.has_label`."""
        return predictions == label

    def as_lists(self, predictions):
        """Returns class numbers, one an image."""
        return np.asarray(predictions).tolist()

    def confidence(self, logits):
        """Returns the mean of the highest probabilities."""
        return float(metrics.softmax(logits).max(axis=-1).mean())

    def metrics(self, outputs, labels, kind="logits"):
        """Returns `accuracy` and `top5_accuracy`, floats in [0, 1]."""
        return {
            "accuracy": metrics.top_k_accuracy(outputs, labels),
            "top5_accuracy": metrics.top_k_accuracy(outputs, labels, k=5),
        }

    def per_label_accuracy(self, outputs, labels, kind="logits"):
        """Returns the accuracy on the images of each class, None for one without images."""
        return metrics.per_class_accuracy(outputs, labels)

    def agreement(self, outputs, other_outputs, kind="logits", other_kind="logits"):
        """Returns the share of images with the same predicted class."""
        return metrics.agreement(outputs, other_outputs)

    def prediction_diversity(self, outputs, other_outputs):
        """See `metrics.prediction_diversity`."""
        return metrics.prediction_diversity(outputs, other_outputs)

    def entropy(self, logits):
        """See `metrics.entropy`."""
        return metrics.entropy(logits)
