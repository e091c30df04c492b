"""MosaicKD: generator, patch discriminator and student learn in one compiled round.

Fang et al., 2021, ["Mosaicking to Distill"](https://arxiv.org/abs/2110.15094).
"""

import math

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import terms
from mosaickd_tf.config.method import (
    OOD_IMAGES,
    TEACHER_GRADIENTS,
    Method,
    check_generator_weights,
    method_config,
)
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.data.augmentation import random_crops
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.image_memory import optional_memory
from mosaickd_tf.methods.known_logits import logits_of, ood_batch
from mosaickd_tf.methods.noise import (
    FAKE_CROPS,
    GENERATOR,
    REAL_CROPS,
    STUDENT,
    count,
    noise_source,
    photometric,
    transformed,
)
from mosaickd_tf.methods.statistics import optional_statistics, statistics_arguments
from mosaickd_tf.models.compatibility import check_discriminator, known_shape


@method_config()
class MosaicConfig(ConfigSection):
    """MosaicKD."""

    local_weight: float = option(
        1.0,
        "Weight of L_local (Eq. 3), a sum over patches; 0 also stops the discriminator.",
        at_least=0.0,
    )
    align_weight: float = option(1.0, "Weight of L_align (Eq. 4).", at_least=0.0)
    adversarial_weight: float = option(1.0, "Weight of L_adv (Eq. 7).", at_least=0.0)
    balance_weight: float = option(10.0, "Weight of L_balance (appendix).", at_least=0.0)
    student_images: str = option(
        "both",
        "Images that the student of --method=mosaic learns from: synthetic and OOD images, or as "
        "many of one kind alone.",
        choices=("both", "synthetic", "ood"),
    )
    transform_synthetic: bool = option(
        False,
        "Rotate, zoom, shift, flip synthetic images and change their contrast at random before "
        "they are seen: a teacher then knows shapes, not patterns of pixels (arXiv 1707.07397).",
    )
    photometric_augmentation: bool = option(
        False,
        "Change contrast and brightness of the images of --method=mosaic's student at random in "
        "each of its updates; the teacher sees them so too.",
    )
    generator_warmup: float = option(
        0.0,
        "Share of the rounds, at the start, in which generator and discriminator learn alone.",
        at_least=0.0,
        at_most=0.9,
    )
    replay_images: int = option(
        0,
        "Number of the generator's latest images that are kept for the student to learn from, with "
        "the teacher's logits. 0 makes images for each of its updates.",
        at_least=0,
    )


METHOD = Method(
    name="mosaic",
    distiller="MosaicDistiller",
    source="Fang et al., Mosaicking to Distill, NeurIPS 2021",
    needs=(OOD_IMAGES, TEACHER_GRADIENTS),
    networks=("student", "generator", "discriminator"),
    synthetic_images="generator",
    terms=(
        terms.PATCH_DISCRIMINATION.weighted_by("local_weight"),
        terms.LOCAL_PATCH.weighted_by("local_weight"),
        terms.LABEL_SPACE_ALIGNMENT.weighted_by("align_weight"),
        terms.ADVERSARIAL.weighted_by("adversarial_weight"),
        terms.CLASS_BALANCE.weighted_by("balance_weight"),
        terms.DISTILLATION,
    ),
    config=MosaicConfig,
    shared=("statistics",),
)


class MosaicDistiller(Distiller):
    """Generator, patch discriminator, teacher and student in one compiled round.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images of the teacher's
            input shape.
        discriminator: Keras model from unit images to patch logits `(batch, ...)`, positive for
            real patches; with `patch_crops`, from crops of its own input size to one logit each.
        config: a `MosaicConfig`.
        statistics: a `StatisticsMatcher`, or None.
        statistics_weight: of its term in the generator's loss; at least 0.
        statistics_distance: "norm" or "kl", of the `StatisticsMatcher` where none is given.
        patch_crops: 0, or how many random crops of the discriminator's input size are cut
            from each image for it to classify.
        crop_size: side of the crops; needed only for a subclassed discriminator.
        noise_dim: length of the noise; needed only for a subclassed generator.
        warmup_rounds: rounds in which the student does not learn yet.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: when the networks do not fit together, or all weights are 0.
    """

    method = METHOD
    batch_keys = ("patch_images", "transfer_images")

    def __init__(
        self,
        *,
        generator,
        discriminator,
        statistics=None,
        statistics_weight=0.0,
        statistics_distance="norm",
        patch_crops=0,
        crop_size=None,
        noise_dim=None,
        warmup_rounds=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.noise = noise_source(self, generator, noise_dim)
        self.statistics_weight = statistics_weight
        self.statistics = optional_statistics(
            self, statistics, statistics_weight, statistics_distance
        )
        self.patch_crops = patch_crops
        self.crop_size = crop_size or (known_shape(discriminator, "input") or (None,))[0]
        check_discriminator(discriminator, self.teacher, patch_crops, self.crop_size)
        check_generator_weights(self.config, statistics_weight=statistics_weight)
        self.warmup_rounds = warmup_rounds
        self.memory = optional_memory(self.config.replay_images, generator, self.teacher)
        self.takes_known_logits = not self.config.photometric_augmentation

    def train_step(self, batch):
        """Runs one round: discriminator, generator, then k updates of the student.

        Args:
            batch: dict of OOD images: `patch_images` `(batch, height, width, channels)`, as they
                are, and `transfer_images` `(batch, k, height, width, channels)`, augmented.

        Returns:
            The means of the terms since the last reset, by name.
        """
        ood_images = batch["patch_images"]
        ood_images = ood_images[: count(ood_images) // self.transfer_factor]  # one batch, always
        with tf.GradientTape() as tape:
            noise = self.noise(count(ood_images), GENERATOR)
            synthetic_images = self.generator(noise, training=True)
            with tape.stop_recording():
                self.update_discriminator(ood_images, synthetic_images)
            generator_loss = self.generator_loss(synthetic_images)
        self.apply_gradients(tape, generator_loss, "generator")
        if self.warmup_rounds:
            is_warm = self.rounds_completed >= self.warmup_rounds
            tf.cond(is_warm, lambda: self.update_student_k_times(batch), lambda: None)
        else:
            self.update_student_k_times(batch)
        return self.end_round()

    def update_student_k_times(self, batch):
        """Updates the student k times, on other images each time."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):  # unrolled: a Python int
            update_student(*self.student_batch(batch, k))

    def update_discriminator(self, ood_images, synthetic_images):
        """Updates the discriminator once: tell patches of OOD images from synthetic patches."""
        if not self.config.local_weight:
            return
        with tf.GradientTape() as tape:
            real_patch_logits = self.patch_logits(ood_images, REAL_CROPS)
            fake_patch_logits = self.patch_logits(synthetic_images, FAKE_CROPS)
            loss = losses.patch_discrimination_loss(real_patch_logits, fake_patch_logits)
            weighted_loss = self.config.local_weight * loss
        self.apply_gradients(tape, weighted_loss, "discriminator")
        self.record("patch_discrimination_loss", loss)

    def generator_loss(self, synthetic_images):
        """Returns what the generator minimizes on a batch of its images, a scalar.

        align · L_align + adversarial · L_adv + balance · L_balance + local · L_local (Eq. 3 to 7),
        and before them the statistics term of later work where it has a weight. A term of weight
        0 is not computed. The memory keeps what the teacher saw, and its logits.
        """
        w, loss = self.config, 0.0
        seen_images = transformed(synthetic_images, self, GENERATOR)
        if self.statistics:
            teacher_logits, statistics_loss = self.statistics(seen_images)
            loss += self.statistics_weight * self.record("statistics_loss", statistics_loss)
        else:
            teacher_logits = self.teacher(seen_images, training=False)
        if self.memory:
            self.memory.add(seen_images, teacher_logits)
        if w.align_weight:
            align = self.task.label_space_alignment_loss(teacher_logits)
            loss += w.align_weight * self.record("label_space_alignment_loss", align)
        if w.adversarial_weight:
            # In training mode, as in the official code: the student's statistics move too.
            student_logits = self.student(seen_images, training=True)
            adversarial = self.task.adversarial_loss(teacher_logits, student_logits)
            loss += w.adversarial_weight * self.record("adversarial_loss", adversarial)
        if w.balance_weight:
            balance = self.task.class_balance_loss(teacher_logits)
            loss += w.balance_weight * self.record("class_balance_loss", balance)
        if w.local_weight:
            local = losses.local_patch_loss(self.patch_logits(synthetic_images, FAKE_CROPS))
            loss += w.local_weight * self.record("local_patch_loss", local)
        return loss

    def update_student(self, unit_images, *known_logits):
        """Updates the student once: L_kd, imitate the teacher, some of whose logits are known."""
        teacher_logits = logits_of(self.teacher, unit_images, *known_logits)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = self.task.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", loss)

    def student_images(self, batch, k):
        """See `Distiller.student_images`: synthetic images and then as many OOD images."""
        return self.student_batch(batch, k)[0]

    def student_batch(self, batch, k):
        """Returns images of update `k`, and the teacher's logits of its first and last, or None."""
        (images, last), first = ood_batch(batch, k), None
        if self.config.student_images == "synthetic":
            (images, first), last = self.synthetic_batch(2 * count(images), k), None
        elif self.config.student_images == "both":
            synthetic_images, first = self.synthetic_batch(count(images), k)
            images = tf.concat([synthetic_images, images], axis=0)
        if self.config.photometric_augmentation:
            return photometric(images, self, STUDENT + k), None, None
        return images, first, last

    def synthetic_batch(self, number, k):
        """Returns synthetic images of update `k`, and the teacher's logits of them, or None."""
        if self.memory:
            return self.memory.draw(number, self.stateless_seed(STUDENT + k))
        images = self.generator(self.noise(number, STUDENT + k), training=True)
        return transformed(images, self, STUDENT + k), None

    def patch_logits(self, unit_images, purpose):
        """Returns patch logits `(batch, ...)` of images or of random crops of them."""
        if not self.patch_crops:
            return self.discriminator(unit_images, training=True)
        seed = self.stateless_seed(purpose)
        crops = random_crops(unit_images, self.crop_size, self.patch_crops, seed)
        logits = self.discriminator(crops, training=True)
        return tf.reshape(logits, (count(unit_images), -1))

    def samples(self, count):
        """See `Distiller.samples`."""
        return self.noise.samples(count)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        warmup = config.methods["mosaic"].generator_warmup * config.optimization.rounds
        return (
            super().arguments(config, num_images)
            | statistics_arguments(config)
            | {"patch_crops": config.networks.patch_crops, "warmup_rounds": int(warmup)}
        )

    def state(self):
        """See `Distiller.state`; with the images that are kept."""
        return super().state() | ({"memory": self.memory} if self.memory else {})

    @property
    def transfer_factor(self):
        """See `Distiller.transfer_factor`; the stream gives twice as many OOD images alone."""
        return 2 if self.config.student_images == "ood" else 1

    @property
    def patches(self):
        """Number of patches of an image; None for networks of unknown shapes."""
        shape = known_shape(self.discriminator, "output") or (None,)
        return None if None in shape else math.prod(shape) * max(1, self.patch_crops)
