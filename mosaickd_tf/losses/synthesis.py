"""Losses that shape synthetic images without data, pure functions in log space and float32."""

import math

from keras import ops

from mosaickd_tf.losses._ops import float32, log_probs


def classification_loss(logits, labels):
    """Computes the cross-entropy of predictions to given classes.

    Args:
        logits: `(batch, num_classes)`.
        labels: int `(batch,)`.

    Returns:
        Float32 scalar, at least 0, in nats, averaged over images.
    """
    predicted = log_probs(logits)
    targets = ops.one_hot(labels, predicted.shape[-1], dtype="float32")
    return -ops.mean(ops.sum(targets * predicted, axis=-1))


def one_hot_loss(teacher_logits):
    """Computes `L_oh`: the cross-entropy of predictions to their own most probable classes.

    Args:
        teacher_logits: `(batch, num_classes)`.

    Returns:
        Float32 scalar in `[0, ln(num_classes)]`, in nats, averaged over images.

    Reference:
        - [Chen et al., 2019](https://arxiv.org/abs/1904.01186)
    """
    return -ops.mean(ops.max(log_probs(teacher_logits), axis=-1))


def activation_loss(features):
    """Computes `L_a`: minus the mean absolute value of the features before the logits.

    Args:
        features: `(batch, size)`.

    Returns:
        Float32 scalar, at most 0, in units of the features.

    Reference:
        - [Chen et al., 2019](https://arxiv.org/abs/1904.01186), Eq. 4, which sums over features
    """
    return -ops.mean(ops.abs(float32(features)))


def competition_loss(teacher_logits, student_logits, temperature=3.0):
    """Computes `R_compete`: 1 minus the Jensen-Shannon divergence of teacher and student.

    Args:
        teacher_logits: `(batch, num_classes)`.
        student_logits: `(batch, num_classes)`.
        temperature: positive; both sides' logits are divided by it.

    Returns:
        Float32 scalar in `[1 − ln 2, 1]`, averaged over images, the divergence in nats.

    Reference:
        - [Yin et al., 2020](https://arxiv.org/abs/1912.08795); the temperature is the official
          code's
    """
    teacher, student = (log_probs(x, temperature) for x in (teacher_logits, student_logits))
    middle = ops.logaddexp(teacher, student) - math.log(2.0)
    sides = [ops.exp(side) * (side - middle) for side in (teacher, student)]
    return 1.0 - 0.5 * ops.mean(ops.sum(sides[0] + sides[1], axis=-1))
