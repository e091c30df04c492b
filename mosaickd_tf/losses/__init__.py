"""Loss terms of the methods, each a pure function without a weight; the methods weight them."""

from mosaickd_tf.losses._ops import total
from mosaickd_tf.losses.attention import attention_loss
from mosaickd_tf.losses.contrastive import (
    matching_loss,
    noise_contrastive_loss,
    ranked_distillation_loss,
    similarities,
)
from mosaickd_tf.losses.features import angle_loss, distance_loss, hint_loss
from mosaickd_tf.losses.images import (
    image_norm_loss,
    statistics_divergence,
    statistics_loss,
    total_variation_loss,
)
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
from mosaickd_tf.losses.multi_label import (
    multi_label_alignment_loss,
    multi_label_balance_loss,
    multi_label_distillation_loss,
    multi_label_divergences,
    multi_label_one_hot_loss,
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
    "angle_loss",
    "attention_loss",
    "class_balance_loss",
    "classification_loss",
    "competition_loss",
    "distance_loss",
    "distillation_loss",
    "divergences",
    "hint_loss",
    "image_norm_loss",
    "label_space_alignment_loss",
    "local_patch_loss",
    "matching_loss",
    "multi_label_alignment_loss",
    "multi_label_balance_loss",
    "multi_label_distillation_loss",
    "multi_label_divergences",
    "multi_label_one_hot_loss",
    "noise_contrastive_loss",
    "one_hot_loss",
    "patch_discrimination_loss",
    "ranked_distillation_loss",
    "similarities",
    "statistics_divergence",
    "statistics_loss",
    "total",
    "total_variation_loss",
    "worst_case_mean",
]
