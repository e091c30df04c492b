"""The terms of the methods, each a pure function; weights meet them in the step, not here."""

from mosaickd_tf.losses.contrastive import (
    matching_loss,
    noise_contrastive_loss,
    ranked_distillation_loss,
    similarities,
)
from mosaickd_tf.losses.features import angle_loss, distance_loss, hint_loss
from mosaickd_tf.losses.logits import (
    adversarial_loss,
    class_balance_loss,
    distillation_loss,
    divergences,
    label_space_alignment_loss,
    local_patch_loss,
    patch_discrimination_loss,
    worst_case_mean,
)

__all__ = [
    "adversarial_loss",
    "angle_loss",
    "class_balance_loss",
    "distance_loss",
    "distillation_loss",
    "divergences",
    "hint_loss",
    "label_space_alignment_loss",
    "local_patch_loss",
    "matching_loss",
    "noise_contrastive_loss",
    "patch_discrimination_loss",
    "ranked_distillation_loss",
    "similarities",
    "worst_case_mean",
]
