"""The terms of the methods, each a pure function; weights meet them in the step, not here."""

from mosaickd_tf.losses.attention import attention_loss
from mosaickd_tf.losses.images import image_norm_loss, statistics_loss, total_variation_loss
from mosaickd_tf.losses.logits import (
    adversarial_loss,
    class_balance_loss,
    distillation_loss,
    label_space_alignment_loss,
    local_patch_loss,
    patch_discrimination_loss,
)
from mosaickd_tf.losses.synthesis import (
    activation_loss,
    classification_loss,
    competition_loss,
    one_hot_loss,
)

__all__ = [
    "activation_loss",
    "adversarial_loss",
    "attention_loss",
    "class_balance_loss",
    "classification_loss",
    "competition_loss",
    "distillation_loss",
    "image_norm_loss",
    "label_space_alignment_loss",
    "local_patch_loss",
    "one_hot_loss",
    "patch_discrimination_loss",
    "statistics_loss",
    "total_variation_loss",
]
