"""DFQ: an adversarial generator whose images look to the teacher like its own data."""

import math

from mosaickd_tf import losses
from mosaickd_tf.methods.base import STATISTICS
from mosaickd_tf.methods.data_free import DataFreeDistiller


class DfqDistiller(DataFreeDistiller):
    """No images at all: divergence, normalisation statistics, and two entropies.

    The paper compares statistics by the divergence of normal distributions. The authors of
    MosaicKD, from whose table the published numbers for CIFAR-100 are, compare them by their
    distance, and so does this. They have two codes of it, both with weights 1, 1, 1 and 20:

    - github.com/zju-vipa/CMI, whose scripts are for CIFAR-10: the distances of all layers are
      summed and the balance is in nats, as here; the student is in inference mode while the
      generator learns.
    - github.com/zju-vipa/MosaicKD, `kd_datafree.py`, whose README is for CIFAR-100: one
      distance over all layers at once, which is smaller, and the logarithm of the balance to
      base 10, so that its 20 is 8.7 a nat.

    Both ask for sure predictions by the cross-entropy to the likeliest class; here it is the
    entropy. What is reported of the mean prediction is in bits, as in all methods.

    Args:
        loss_weights: the `DataFreeTerms`, of which it uses those that begin with `dfq`.
        **kwargs: those of `GenerativeDistiller`.

    Raises:
        RequestError: for a teacher without batch normalisation.

    Reference:
        - [Choi et al., 2020](https://arxiv.org/abs/2005.04136)
    """

    source = "Choi et al., Data-Free Network Quantization With Adversarial KD, CVPRW 2020"
    needs = (STATISTICS,)
    terms = (
        "adversarial_loss",
        "statistics_loss",
        "label_space_alignment_loss",
        "class_balance_loss",
        "distillation_loss",
    )

    def generator_terms(self, synthetic_images, teacher):
        """The four terms; the student is in training mode."""
        w = self.loss_weights
        return {
            "adversarial_loss": (
                w.dfq_adversarial_weight,
                lambda: losses.adversarial_loss(
                    teacher.logits, self.student(synthetic_images, training=True)
                ),
            ),
            "statistics_loss": (w.dfq_statistics_weight, lambda: teacher.statistics_loss),
            "label_space_alignment_loss": (
                w.dfq_entropy_weight,
                lambda: losses.label_space_alignment_loss(teacher.logits),
            ),
            "class_balance_loss": (
                w.dfq_balance_weight * math.log(2.0),  # bits to nats
                lambda: losses.class_balance_loss(teacher.logits),
            ),
        }
