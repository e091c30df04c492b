"""MosaicKD: four players, three of them learning.

Fang et al., 2021, ["Mosaicking to Distill"](https://arxiv.org/abs/2110.15094).
"""

import math

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import LossWeights
from mosaickd_tf.data.augmentation import random_crops
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import OOD_IMAGES
from mosaickd_tf.methods.generative import FAKE_CROPS, REAL_CROPS, GenerativeDistiller, count
from mosaickd_tf.models.compatibility import check_built, known_shape
from mosaickd_tf.training.optimizers import gan_adam

_PUBLISHED = LossWeights()


class MosaicDistiller(GenerativeDistiller):
    """Generator, patch discriminator, teacher and student in one compiled round.

    Args:
        discriminator: Keras model from unit images to patch logits `(batch, ...)`; with
            `patch_crops`, from crops of its own input size to one logit each.
        loss_weights: the weights of the generator's four terms. A local weight of 0 also
            stops the discriminator.
        patch_crops: 0, or how many random crops of the discriminator's input size are cut
            from each image for it to judge.
        crop_size: side of the crops; needed only for a subclassed discriminator.
        student_images: `"both"`; or `"synthetic"` or `"ood"`, and the student's updates see
            as many images of that kind alone. All else of the round stays as it is; with
            `"ood"` batches hold twice the images and the game is played on half of them.
        **kwargs: those of `GenerativeDistiller`.

    Raises:
        RequestError: when the players do not fit together.
    """

    source = "Fang et al., Mosaicking to Distill, NeurIPS 2021"
    needs = (OOD_IMAGES,)
    terms = (
        "patch_discrimination_loss",
        "local_patch_loss",
        "label_space_alignment_loss",
        "adversarial_loss",
        "class_balance_loss",
        "distillation_loss",
    )
    players = ("student", "generator", "discriminator")
    transfer_factor = 1

    def __init__(
        self,
        *,
        discriminator,
        loss_weights=_PUBLISHED,
        patch_crops=0,
        crop_size=None,
        student_images="both",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_built(discriminator=discriminator)
        self.discriminator = discriminator
        self.loss_weights = loss_weights
        self.patch_crops = patch_crops
        self.student_images = student_images
        self.transfer_factor = 2 if student_images == "ood" else 1
        self.crop_size = crop_size or (known_shape(discriminator, "input") or (None,))[0]
        self._check_discriminator()

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {
            "loss_weights": config.losses,
            "patch_crops": config.players.patch_crops,
            "student_images": config.players.student_images,
        }

    @property
    def patches(self):
        """How many patches of an image are judged; None for players of unknown shapes."""
        shape = known_shape(self.discriminator, "output")
        if not shape or None in shape:
            return None
        return math.prod(shape) * max(1, self.patch_crops)

    def compile(self, *, discriminator_optimizer=None, **kwargs):
        """Sets an optimizer for each player; the published recipe's where left out."""
        super().compile(**kwargs)
        self.discriminator_optimizer = discriminator_optimizer or gan_adam()
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def play_generator(self, batch):
        """Discriminator and generator once together, the generator alone thereafter."""
        patch_images = batch["patch_images"]
        if self.student_images == "ood":  # the stream gives twice as many, for the student
            patch_images = patch_images[: count(patch_images) // 2]
        self._update_discriminator_and_generator(patch_images)
        for step in range(1, self.extensions.generator_steps_per_round):
            self.update_generator(count(patch_images), step)

    def student_batch(self, batch, k):
        """Synthetic images and then OOD ones, as many; or one kind of both."""
        ood_images = batch["transfer_images"][:, k]
        if self.student_images == "ood":
            return ood_images
        if self.student_images == "synthetic":
            return self.synthetic_images(2 * count(ood_images), k)
        synthetic_images = self.synthetic_images(count(ood_images), k)
        return tf.concat([synthetic_images, ood_images], axis=0)

    def _update_discriminator_and_generator(self, patch_images):
        # One batch of synthetic images serves both updates; the discriminator's is not
        # part of the generator's gradient.
        with tf.GradientTape() as tape:
            synthetic_images = self.synthesize(count(patch_images))
            with tape.stop_recording():
                self._update_discriminator(patch_images, synthetic_images)
            loss = self.generator_loss(synthetic_images)
        self.apply(tape, loss, "generator")

    def _update_discriminator(self, patch_images, synthetic_images):
        if not self.loss_weights.local:
            return
        with tf.GradientTape() as tape:
            real_patch_logits = self._judge(patch_images, REAL_CROPS)
            fake_patch_logits = self._judge(synthetic_images, FAKE_CROPS)
            loss = losses.patch_discrimination_loss(real_patch_logits, fake_patch_logits)
            weighted = self.loss_weights.local * loss
        self.apply(tape, weighted, "discriminator")
        self.report(patch_discrimination_loss=loss)

    def generator_terms(self, synthetic_images, teacher):
        """The paper's four terms; of weight 0, none asks its judge."""
        w = self.loss_weights
        return {
            "label_space_alignment_loss": (
                w.align,
                lambda: losses.label_space_alignment_loss(teacher.logits),
            ),
            "adversarial_loss": (
                self._adversarial_weight(),
                # In training mode, as in the official code: the student's statistics move too.
                lambda: losses.adversarial_loss(
                    teacher.logits, self.student(synthetic_images, training=True)
                ),
            ),
            "class_balance_loss": (w.balance, lambda: losses.class_balance_loss(teacher.logits)),
            "local_patch_loss": (
                w.local,
                lambda: losses.local_patch_loss(self._judge(synthetic_images, FAKE_CROPS)),
            ),
        }

    def _adversarial_weight(self):
        """Its weight in this round: risen in proportion while the warm-up lasts."""
        weight, rounds = self.loss_weights.adversarial, self.extensions.adversarial_warmup
        if not rounds or not weight:
            return weight
        return weight * tf.minimum(tf.cast(self.rounds_played, "float32") / rounds, 1.0)

    def _judge(self, unit_images, purpose):
        """Patch logits `(batch, ...)` of whole images or of random crops of them."""
        if not self.patch_crops:
            return self.discriminator(unit_images, training=True)
        seed = self.stateless_seed(purpose)
        crops = random_crops(unit_images, self.crop_size, self.patch_crops, seed)
        logits = self.discriminator(crops, training=True)
        return tf.reshape(logits, (count(unit_images), -1))

    def _check_discriminator(self):
        image_shape = known_shape(self.teacher, "input")
        seen = known_shape(self.discriminator, "input")
        if image_shape and seen and not self.patch_crops and seen != image_shape:
            raise RequestError(
                f"The discriminator must take images of the teacher's input shape "
                f"{image_shape}, or crops of them with `patch_crops`. Received: {seen}"
            )
        if self.patch_crops and not self.crop_size:
            raise RequestError("`crop_size` is needed with a discriminator of unknown input shape")
        if self.patch_crops and image_shape and seen and seen[-1] != image_shape[-1]:
            raise RequestError(
                f"The discriminator must take crops of the images' {image_shape[-1]} channels. "
                f"Received: {seen[-1]} channels"
            )
        if self.patch_crops and image_shape and self.crop_size > image_shape[0]:
            raise RequestError(
                f"Crops must be at most the images' {image_shape[0]} pixels a side. "
                f"Received: {self.crop_size}"
            )
