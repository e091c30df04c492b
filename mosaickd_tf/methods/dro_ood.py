"""Distributionally robust optimization on the OOD images themselves."""

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import Method, method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import DISTILLATION, Term
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.known_logits import logits_of, ood_batch


@method_config(flag_prefix="dro_ood_")
class RobustConfig(ConfigSection):
    """Distributionally robust distillation (dro_ood)."""

    robustness: float = option(
        1.0,
        "Price of a distribution away from that of the OOD images: an image's weight is "
        "exp(L / price), L being its squared temperature times its divergence in nats. With a "
        "small price, or a high --temperature, only the worst images of a batch count; a large "
        "one gives plain distillation.",
        above=0.0,
    )


METHOD = Method(
    name="dro_ood",
    distiller="RobustDistiller",
    source="Fang et al., Mosaicking to Distill (Eq. 2), NeurIPS 2021",
    terms=(
        DISTILLATION,
        Term(
            name="robust_loss",
            short="robust",
            title="Robust loss",
            note="distillation loss under the worst distribution near that of the batch",
            unit="nats",
        ),
    ),
    config=RobustConfig,
)


class RobustDistiller(Distiller):
    """The student learns from OOD images, most from those on which it is furthest off.

    The objective is the paper's (Eq. 2): the best student on the worst distribution near the OOD
    one. Which distributions are near is our choice: those on the same images, the price of moving
    away from the even one being `robustness` times the Kullback-Leibler divergence. The worst of
    them has a closed form, so that no second network is needed: `losses.worst_case_mean`.

    The loss of an image is `temperature² · KL(teacher ‖ student)`, and its weight is
    `exp(loss / robustness)`. So the price is one of that product: at temperature 5 a robustness of
    1 lets an image count e times as much for 1/25 of a nat more. Where losses differ by many times
    the robustness, one image or a few of the batch count alone; where by much less, all.

    Args:
        config: a `RobustConfig`.
        **kwargs: those of `Distiller`.

    Reference:
        - [Fang et al., 2021](https://arxiv.org/abs/2110.15094)
    """

    method = METHOD
    takes_known_logits = True

    def train_step(self, batch):
        """Runs one round: k updates of the student on OOD images."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(*ood_batch(batch, k))
        return self.end_round()

    def update_student(self, unit_images, known_logits=None):
        """Updates the student once: the divergence under the worst distribution near the batch."""
        teacher_logits = logits_of(self.teacher, unit_images, known_logits)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            divergences = self.task.divergences(teacher_logits, student_logits, self.temperature)
            loss = losses.worst_case_mean(divergences, self.config.robustness)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", tf.reduce_mean(divergences))
        self.record("robust_loss", loss)
