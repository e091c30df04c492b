"""Terms on the logits of independent labels, pure functions in log space and float32.

Each label is present with probability `sigmoid(logit)`, independent of the others. The terms are
the counterparts of those in `losses.logits`, where exactly one label is present.
"""

import math

from keras import ops


def multi_label_divergences(teacher_logits, student_logits, temperature=1.0):
    """Returns `temperature² · Σ_labels KL(teacher ‖ student)` of each image.

    Args:
        teacher_logits: `(batch, labels)`.
        student_logits: `(batch, labels)`.
        temperature: positive; both sides' logits are divided by it.

    Returns:
        Float32 `(batch,)`, at least 0, in nats.
    """
    teacher = _log_probs(teacher_logits, temperature)
    student = _log_probs(student_logits, temperature)
    terms = [ops.exp(t) * (t - s) for t, s in zip(teacher, student, strict=True)]
    return temperature**2 * ops.sum(terms[0] + terms[1], axis=-1)


def multi_label_distillation_loss(teacher_logits, student_logits, temperature=1.0):
    """Returns the mean of `multi_label_divergences` over images, a float32 scalar in nats."""
    return ops.mean(multi_label_divergences(teacher_logits, student_logits, temperature))


def multi_label_alignment_loss(teacher_logits):
    """Returns the mean entropy of the teacher's predictions, summed over labels.

    Args:
        teacher_logits: `(batch, labels)`.

    Returns:
        Float32 scalar in `[0, labels · ln 2]`, in nats.
    """
    present, absent = _log_probs(teacher_logits)
    return -ops.mean(ops.sum(ops.exp(present) * present + ops.exp(absent) * absent, axis=-1))


def multi_label_balance_loss(teacher_logits):
    """Returns the negative entropy, in bits, of which label a batch shows.

    The distribution is over the labels and, as one more outcome, no label at all: each in
    proportion to its mean probability over the batch. Low when all are shown evenly. With a single
    label it is that of presence and absence.

    Args:
        teacher_logits: `(batch, labels)`.

    Returns:
        Float32 scalar in `[-log2(labels + 1), 0]`.
    """
    present, absent = _log_probs(teacher_logits)
    none = ops.sum(absent, axis=-1, keepdims=True)
    log_means = ops.logsumexp(ops.concatenate([present, none], axis=-1), axis=0)
    log_shares = ops.log_softmax(log_means, axis=-1)
    return ops.sum(ops.exp(log_shares) * log_shares) / math.log(2.0)


def multi_label_one_hot_loss(teacher_logits):
    """Returns the cross-entropy of the teacher's predictions to its own likeliest labels.

    Args:
        teacher_logits: `(batch, labels)`.

    Returns:
        Float32 scalar in `[0, labels · ln 2]`, in nats, a sum over labels and a mean over images.
    """
    present, absent = _log_probs(teacher_logits)
    return -ops.mean(ops.sum(ops.maximum(present, absent), axis=-1))


def _log_probs(logits, temperature=1.0):
    """Returns the log-probabilities that each label is present, and that it is absent."""
    logits = ops.cast(logits, "float32") / temperature
    return -ops.softplus(-logits), -ops.softplus(logits)
