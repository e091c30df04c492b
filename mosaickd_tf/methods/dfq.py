"""DFQ: an adversarial generator whose images look to the teacher like its own data."""

import math

import tensorflow as tf

from mosaickd_tf.config.method import STATISTICS as TEACHER_STATISTICS
from mosaickd_tf.config.method import (
    TEACHER_GRADIENTS,
    Method,
    check_generator_weights,
    method_config,
)
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import (
    ADVERSARIAL,
    CLASS_BALANCE,
    DISTILLATION,
    LABEL_SPACE_ALIGNMENT,
    STATISTICS,
)
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.noise import GENERATOR, STUDENT, count, noise_source
from mosaickd_tf.methods.statistics import StatisticsMatcher


@method_config(flag_prefix="dfq_")
class DfqConfig(ConfigSection):
    """DFQ (dfq)."""

    adversarial_weight: float = option(
        1.0, "Weight of the divergence of teacher and student.", at_least=0.0
    )
    statistics_weight: float = option(
        1.0, "Weight of the teacher's BatchNormalization statistics.", at_least=0.0
    )
    entropy_weight: float = option(1.0, "Weight of the entropy of each prediction.", at_least=0.0)
    balance_weight: float = option(
        20.0, "Weight of the entropy of the mean prediction, in nats.", at_least=0.0
    )


METHOD = Method(
    name="dfq",
    distiller="DfqDistiller",
    source="Choi et al., Data-Free Network Quantization With Adversarial KD, CVPRW 2020",
    needs=(TEACHER_STATISTICS, TEACHER_GRADIENTS),
    networks=("student", "generator"),
    synthetic_images="generator",
    terms=(
        ADVERSARIAL.weighted_by("dfq_adversarial_weight"),
        STATISTICS.weighted_by("dfq_statistics_weight"),
        LABEL_SPACE_ALIGNMENT.weighted_by("dfq_entropy_weight"),
        CLASS_BALANCE.weighted_by("dfq_balance_weight"),
        DISTILLATION,
    ),
    config=DfqConfig,
)


class DfqDistiller(Distiller):
    """No images at all: divergence, BatchNormalization statistics, and two entropies.

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
        generator: Keras model from noise `(batch, noise_dim)` to unit images.
        statistics: a `StatisticsMatcher`; one of the teacher if left out.
        config: a `DfqConfig`.
        noise_dim: length of the noise; needed only for a subclassed generator.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: for a teacher without BatchNormalization, or when all weights are 0.

    Reference:
        - [Choi et al., 2020](https://arxiv.org/abs/2005.04136)
    """

    method = METHOD

    def __init__(self, *, generator, statistics=None, noise_dim=None, **kwargs):
        super().__init__(**kwargs)
        check_generator_weights(self.config)
        self.generator = generator
        self.noise = noise_source(self, generator, noise_dim)
        self.statistics = statistics or StatisticsMatcher(self.teacher)

    def train_step(self, batch):
        """Runs one round: the generator, then k updates of the student on fresh images."""
        batch_size = count(batch["transfer_images"])
        with tf.GradientTape() as tape:
            synthetic_images = self.generator(self.noise(batch_size, GENERATOR), training=True)
            generator_loss = self.generator_loss(synthetic_images)
        self.apply_gradients(tape, generator_loss, "generator")

        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(self.student_images(batch, k))
        return self.end_round()

    def generator_loss(self, synthetic_images):
        """Returns statistics + adversarial + entropy + balance, weighted, a scalar."""
        w, loss = self.config, 0.0
        teacher_logits, statistics_loss = self.statistics(synthetic_images)
        if w.statistics_weight:
            loss += w.statistics_weight * self.record("statistics_loss", statistics_loss)
        if w.adversarial_weight:
            student_logits = self.student(synthetic_images, training=True)
            adversarial = self.task.adversarial_loss(teacher_logits, student_logits)
            loss += w.adversarial_weight * self.record("adversarial_loss", adversarial)
        if w.entropy_weight:
            align = self.task.label_space_alignment_loss(teacher_logits)
            loss += w.entropy_weight * self.record("label_space_alignment_loss", align)
        if w.balance_weight:
            balance = self.record(
                "class_balance_loss", self.task.class_balance_loss(teacher_logits)
            )
            loss += w.balance_weight * math.log(2.0) * balance  # bits to nats
        return loss

    def update_student(self, unit_images):
        """Updates the student once: L_kd on synthetic images."""
        teacher_logits = self.teacher(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = self.task.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", loss)

    def student_images(self, batch, k):
        """Returns fresh synthetic images for the student's update `k`."""
        noise = self.noise(count(batch["transfer_images"]), STUDENT + k)
        return self.generator(noise, training=True)

    def samples(self, count):
        """See `Distiller.samples`."""
        return self.noise.samples(count)
