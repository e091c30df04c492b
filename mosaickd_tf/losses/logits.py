"""Terms on logits, pure functions in log space and float32.

Equations by number are those of Fang et al., 2021,
["Mosaicking to Distill"](https://arxiv.org/abs/2110.15094).
"""

import math

from keras import ops


def patch_discrimination_loss(real_patch_logits, fake_patch_logits):
    """The discriminator's side of the game: tell OOD patches from synthetic ones.

    `(BCE(real, 1) + BCE(fake, 0)) / 2`, each summed over patches and averaged over images.

    Args:
        real_patch_logits: `(batch, ...)` logits of OOD patches; positive means real.
        fake_patch_logits: logits of synthetic patches, of the same shape.

    Returns:
        Float32 scalar, in nats.
    """
    real = _sum_per_image(ops.softplus(-_float32(real_patch_logits)))
    fake = _sum_per_image(ops.softplus(_float32(fake_patch_logits)))
    return 0.5 * (ops.mean(real) + ops.mean(fake))


def local_patch_loss(fake_patch_logits):
    """`L_local` (Eq. 3): make each patch of a synthetic image pass for an OOD patch.

    Summed over patches, averaged over images: the published weights assume the sum.

    Args:
        fake_patch_logits: `(batch, ...)` logits of synthetic patches.

    Returns:
        Float32 scalar, in nats.
    """
    return ops.mean(_sum_per_image(ops.softplus(-_float32(fake_patch_logits))))


def label_space_alignment_loss(teacher_logits):
    """`L_align` (Eq. 4): mean entropy, in nats, of the teacher's predictions.

    Low when the teacher is sure, i.e. when a synthetic image falls in its label space.

    Args:
        teacher_logits: `(batch, num_classes)`, any float dtype.

    Returns:
        Float32 scalar in `[0, ln(num_classes)]`.
    """
    log_probs = _log_probs(teacher_logits)
    return -ops.mean(ops.sum(ops.exp(log_probs) * log_probs, axis=-1))


def adversarial_loss(teacher_logits, student_logits):
    """`L_adv` (Eq. 7): minus the divergence of the student from the teacher.

    Low on images that the student has not learned yet, the worst case of
    distributionally robust optimisation.

    Args:
        teacher_logits: `(batch, num_classes)`.
        student_logits: `(batch, num_classes)`.

    Returns:
        Float32 scalar, at most 0, in nats.
    """
    return -distillation_loss(teacher_logits, student_logits)


def class_balance_loss(teacher_logits):
    """`L_balance` (appendix): negative entropy, in bits, of the batch-mean prediction.

    Low when the batch uses all classes evenly. The marginal is a logsumexp, so a class
    whose probability underflows costs nothing instead of giving NaN.

    Args:
        teacher_logits: `(batch, num_classes)`.

    Returns:
        Float32 scalar in `[-log2(num_classes), 0]`.
    """
    log_probs = _log_probs(teacher_logits)
    batch_size = ops.cast(ops.shape(log_probs)[0], "float32")
    log_marginal = ops.logsumexp(log_probs, axis=0) - ops.log(batch_size)
    return ops.sum(ops.exp(log_marginal) * log_marginal) / math.log(2.0)


def distillation_loss(teacher_logits, student_logits, temperature=1.0):
    """`L_kd`: `temperature² · KL(teacher ‖ student)` of the softened predictions.

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
    """What `distillation_loss` averages: a float32 number an image, `(batch,)`, in nats."""
    teacher_log_probs = _log_probs(teacher_logits, temperature)
    student_log_probs = _log_probs(student_logits, temperature)
    return temperature**2 * ops.sum(
        ops.exp(teacher_log_probs) * (teacher_log_probs - student_log_probs), axis=-1
    )


def worst_case_mean(image_losses, robustness):
    """The mean of the losses under the worst distribution near the one that gave the images.

    `sup_Q E_Q[loss] − robustness · KL(Q ‖ P)`, whose value is
    `robustness · log E_P[exp(loss / robustness)]`: each image counts by
    `softmax(loss / robustness)`. Of a large robustness it is the mean, of a small one the
    largest loss.

    Args:
        image_losses: `(batch,)`, a sample of the loss under P, any unit.
        robustness: positive, of the same unit: the price of moving away from P.

    Returns:
        Float32 scalar between the mean and the largest of the losses.

    Reference:
        - [Hu and Hong, 2012](http://www.optimization-online.org/DB_HTML/2012/11/3677.html)
    """
    scaled = _float32(image_losses) / robustness
    log_count = ops.log(ops.cast(ops.shape(scaled)[0], "float32"))
    return robustness * (ops.logsumexp(scaled) - log_count)


def _float32(logits):
    return ops.cast(logits, "float32")


def _log_probs(logits, temperature=1.0):
    return ops.log_softmax(_float32(logits) / temperature, axis=-1)


def _sum_per_image(patch_terms):
    return ops.sum(ops.reshape(patch_terms, (ops.shape(patch_terms)[0], -1)), axis=-1)
