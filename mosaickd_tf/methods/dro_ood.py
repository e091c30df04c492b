"""Robust optimisation on the OOD images themselves."""

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import BaselineTerms
from mosaickd_tf.methods.kd import KnowledgeDistiller


class RobustDistiller(KnowledgeDistiller):
    """The student learns from OOD images, most from those on which it is furthest off.

    The objective is the paper's (Eq. 2): the best student on the worst distribution near the
    OOD one. Which distributions are near is our choice: those on the same
    images, the price of moving away from the even one being `robustness` times the
    Kullback-Leibler divergence. The worst of them has a closed form,
    so that no second player is needed: `losses.worst_case_mean`.

    The loss of an image is `temperature² · KL(teacher ‖ student)`, and it counts by
    `exp(loss / robustness)`. So the price is one of that product: at temperature 5 a robustness
    of 1 lets an image count e times as much for 1/25 of a nat more. Where losses differ by many
    times the robustness, one image or a few of the batch count alone; where by much less, all.

    Args:
        robustness: positive, in the unit of the loss, nats times the squared temperature; a
            small one lets the worst images alone count, a large one gives plain distillation.
        **kwargs: those of `Distiller`.

    Reference:
        - [Fang et al., 2021](https://arxiv.org/abs/2110.15094)
    """

    source = "Fang et al., Mosaicking to Distill (Eq. 2), NeurIPS 2021"
    terms = ("distillation_loss", "robust_loss")

    def __init__(self, *, robustness=BaselineTerms.dro_ood_robustness, **kwargs):
        super().__init__(**kwargs)
        self.robustness = robustness

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {"robustness": config.baselines.dro_ood_robustness}

    def student_loss(self, teacher, student):
        """The divergence under the worst distribution near the one of the batch."""
        divergences = losses.divergences(teacher.logits, student.logits, self.temperature)
        loss = losses.worst_case_mean(divergences, self.robustness)
        self.report(distillation_loss=tf.reduce_mean(divergences), robust_loss=loss)
        return loss
