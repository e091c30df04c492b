"""The terms of the methods, each a pure function; weights meet them in the step, not here."""

from mosaickd_tf.losses.logits import (
    adversarial_loss,
    class_balance_loss,
    distillation_loss,
    label_space_alignment_loss,
    local_patch_loss,
    patch_discrimination_loss,
)

__all__ = [
    "adversarial_loss",
    "class_balance_loss",
    "distillation_loss",
    "label_space_alignment_loss",
    "local_patch_loss",
    "patch_discrimination_loss",
]
