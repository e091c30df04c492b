"""Losses on logits, pure functions in log space and float32.

Equations by number are those of Fang et al., 2021,
["Mosaicking to Distill"](https://arxiv.org/abs/2110.15094).
"""

import math

from keras import ops

from mosaickd_tf.losses._ops import float32, log_probs


def patch_discrimination_loss(real_patch_logits, fake_patch_logits):
    """Computes the discriminator's loss of classifying OOD and synthetic patches.

    `(BCE(real, 1) + BCE(fake, 0)) / 2`, each summed over patches and averaged over images.

    Args:
        real_patch_logits: `(batch, ...)` logits of OOD patches; positive means real.
        fake_patch_logits: logits of synthetic patches, of the same shape.

    Returns:
        Float32 scalar, at least 0, in nats.
    """
    real = _sum_per_image(ops.softplus(-float32(real_patch_logits)))
    fake = _sum_per_image(ops.softplus(float32(fake_patch_logits)))
    return 0.5 * (ops.mean(real) + ops.mean(fake))


def local_patch_loss(fake_patch_logits):
    """Computes `L_local` (Eq. 3): the generator's loss of synthetic patches labeled as OOD.

    Summed over patches, averaged over images: the published weights assume the sum.

    Args:
        fake_patch_logits: `(batch, ...)` logits of synthetic patches.

    Returns:
        Float32 scalar, at least 0, in nats.
    """
    return ops.mean(_sum_per_image(ops.softplus(-float32(fake_patch_logits))))


def label_space_alignment_loss(teacher_logits):
    """Computes `L_align` (Eq. 4): the mean entropy, in nats, of the teacher's predictions.

    Low when the teacher is confident, i.e. when a synthetic image falls in its label space.

    Args:
        teacher_logits: `(batch, num_classes)`, any float dtype.

    Returns:
        Float32 scalar in `[0, ln(num_classes)]`.
    """
    teacher_log_probs = log_probs(teacher_logits)
    return -ops.mean(ops.sum(ops.exp(teacher_log_probs) * teacher_log_probs, axis=-1))


def adversarial_loss(teacher_logits, student_logits):
    """Computes `L_adv` (Eq. 7): minus the divergence of the student from the teacher.

    Low on images that the student has not learned yet, the worst case of
    distributionally robust optimization.

    Args:
        teacher_logits: `(batch, num_classes)`.
        student_logits: `(batch, num_classes)`.

    Returns:
        Float32 scalar, at most 0, in nats.
    """
    return -distillation_loss(teacher_logits, student_logits)


def class_balance_loss(teacher_logits):
    """Computes `L_balance` (appendix): the negative entropy, in bits, of the batch-mean prediction.

    Low when the batch uses all classes evenly. The marginal is a logsumexp, so a class
    whose probability underflows contributes 0 instead of NaN.

    Args:
        teacher_logits: `(batch, num_classes)`.

    Returns:
        Float32 scalar in `[-log2(num_classes), 0]`.
    """
    teacher_log_probs = log_probs(teacher_logits)
    batch_size = ops.cast(ops.shape(teacher_log_probs)[0], "float32")
    log_marginal = ops.logsumexp(teacher_log_probs, axis=0) - ops.log(batch_size)
    return ops.sum(ops.exp(log_marginal) * log_marginal) / math.log(2.0)


def distillation_loss(teacher_logits, student_logits, temperature=1.0):
    """Computes `L_kd`: `temperature² · KL(teacher ‖ student)` of the softened predictions.

    Args:
        teacher_logits: `(batch, num_classes)`.
        student_logits: `(batch, num_classes)`.
        temperature: positive; both sides' logits are divided by it.

    Returns:
        Float32 scalar, at least 0, in nats, averaged over images.

    Reference:
        - [Hinton et al., 2015](https://arxiv.org/abs/1503.02531)
    """
    return ops.mean(divergences(teacher_logits, student_logits, temperature))


def divergences(teacher_logits, student_logits, temperature=1.0):
    """Computes the distillation loss of each image, float32 `(batch,)`, in nats."""
    teacher_log_probs = log_probs(teacher_logits, temperature)
    student_log_probs = log_probs(student_logits, temperature)
    return temperature**2 * ops.sum(
        ops.exp(teacher_log_probs) * (teacher_log_probs - student_log_probs), axis=-1
    )


def worst_case_mean(image_losses, robustness):
    """Computes the mean loss under the worst distribution near that of the images.

    `sup_Q E_Q[loss] − robustness · KL(Q ‖ P)`, whose value is
    `robustness · log E_P[exp(loss / robustness)]`: each image counts by
    `softmax(loss / robustness)`. A large robustness gives the mean, a small one the
    largest loss.

    Args:
        image_losses: `(batch,)`, a sample of the loss under P, any unit.
        robustness: positive, of the same unit: the penalty of moving away from P.

    Returns:
        Float32 scalar between the mean and the largest of the losses.

    Reference:
        - [Hu and Hong, 2012](http://www.optimization-online.org/DB_HTML/2012/11/3677.html)
    """
    scaled = float32(image_losses) / robustness
    log_count = ops.log(ops.cast(ops.shape(scaled)[0], "float32"))
    return robustness * (ops.logsumexp(scaled) - log_count)


def _sum_per_image(patch_terms):
    return ops.sum(ops.reshape(patch_terms, (ops.shape(patch_terms)[0], -1)), axis=-1)
