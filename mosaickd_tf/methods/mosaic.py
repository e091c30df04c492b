"""MosaicKD: four players, three of them learning.

Fang et al., 2021, ["Mosaicking to Distill"](https://arxiv.org/abs/2110.15094).
"""

import math

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import LossWeights
from mosaickd_tf.data.augmentation import random_crops
from mosaickd_tf.distiller import Distiller, check_built, known_shape
from mosaickd_tf.errors import RequestError
from mosaickd_tf.optimizers import gan_adam
from mosaickd_tf.randomness import standard_normal

_PUBLISHED = LossWeights()
# What noise is drawn for; the student's updates follow, one number each.
_GENERATOR, _REAL_CROPS, _FAKE_CROPS, _STUDENT = range(4)


class MosaicDistiller(Distiller):
    """Generator, patch discriminator, teacher and student in one compiled round.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images of the
            teacher's input shape.
        discriminator: Keras model from unit images to patch logits `(batch, ...)`; with
            `patch_crops`, from crops of its own input size to one logit each.
        loss_weights: the weights of the generator's four terms. A local weight of 0 also
            stops the discriminator.
        patch_crops: 0, or how many random crops of the discriminator's input size are cut
            from each image for it to judge.
        noise_dim: length of the generator's noise; needed only for a subclassed generator,
            whose input shape Keras does not know.
        crop_size: side of the crops; needed only for a subclassed discriminator.
        **kwargs: `teacher`, `student`, `temperature`, `seed` of `Distiller`.

    Raises:
        RequestError: when the players do not fit together.
    """

    terms = (
        "patch_discrimination_loss",
        "local_patch_loss",
        "label_space_alignment_loss",
        "adversarial_loss",
        "class_balance_loss",
        "distillation_loss",
    )
    players = ("student", "generator", "discriminator")

    def __init__(
        self,
        *,
        generator,
        discriminator,
        loss_weights=_PUBLISHED,
        patch_crops=0,
        noise_dim=None,
        crop_size=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_built(generator=generator, discriminator=discriminator)
        self.generator = generator
        self.discriminator = discriminator
        self.loss_weights = loss_weights
        self.patch_crops = patch_crops
        self.noise_dim = noise_dim or (known_shape(generator, "input") or (None,))[-1]
        self.crop_size = crop_size or (known_shape(discriminator, "input") or (None,))[0]
        self._check_players()

    @property
    def patches(self):
        """How many patches of an image are judged; None for players of unknown shapes."""
        shape = known_shape(self.discriminator, "output")
        if not shape or None in shape:
            return None
        return math.prod(shape) * max(1, self.patch_crops)

    def compile(self, *, generator_optimizer=None, discriminator_optimizer=None, **kwargs):
        """Sets an optimizer for each player; the published recipe's where left out."""
        super().compile(**kwargs)
        self.generator_optimizer = generator_optimizer or gan_adam()
        self.discriminator_optimizer = discriminator_optimizer or gan_adam()
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, batch):
        """Plays one round of the four-player game."""
        self._update_discriminator_and_generator(batch["patch_images"])
        for k in range(batch["transfer_images"].shape[1]):  # unrolled: a Python int
            ood_images = batch["transfer_images"][:, k]
            synthetic_images = self.synthesize(_batch_size(ood_images), _STUDENT + k)
            self.update_student(tf.concat([synthetic_images, ood_images], axis=0))
        return self.end_round()

    def synthesize(self, batch_size, purpose=_GENERATOR):
        """Synthetic unit images from this round's noise for the purpose."""
        noise = standard_normal((batch_size, self.noise_dim), self.stateless_seed(purpose))
        return self.generator(noise, training=True)

    def _update_discriminator_and_generator(self, patch_images):
        # One batch of synthetic images serves both updates; the discriminator's is not
        # part of the generator's gradient.
        with tf.GradientTape() as tape:
            synthetic_images = self.synthesize(_batch_size(patch_images))
            with tape.stop_recording():
                self._update_discriminator(patch_images, synthetic_images)
            loss = self._generator_loss(synthetic_images)
        self.apply(tape, loss, "generator")

    def _update_discriminator(self, patch_images, synthetic_images):
        if not self.loss_weights.local:
            return
        with tf.GradientTape() as tape:
            real_patch_logits = self._judge(patch_images, _REAL_CROPS)
            fake_patch_logits = self._judge(synthetic_images, _FAKE_CROPS)
            loss = losses.patch_discrimination_loss(real_patch_logits, fake_patch_logits)
            weighted = self.loss_weights.local * loss
        self.apply(tape, weighted, "discriminator")
        self.report(patch_discrimination_loss=loss)

    def _generator_loss(self, synthetic_images):
        teacher_logits = self.teacher(synthetic_images, training=False)
        # In training mode, as in the official code: the student's statistics move here too.
        student_logits = self.student(synthetic_images, training=True)
        align = losses.label_space_alignment_loss(teacher_logits)
        adversarial = losses.adversarial_loss(teacher_logits, student_logits)
        balance = losses.class_balance_loss(teacher_logits)
        self.report(
            label_space_alignment_loss=align,
            adversarial_loss=adversarial,
            class_balance_loss=balance,
        )
        w = self.loss_weights
        loss = w.align * align + w.adversarial * adversarial + w.balance * balance
        if w.local:
            local = losses.local_patch_loss(self._judge(synthetic_images, _FAKE_CROPS))
            self.report(local_patch_loss=local)
            loss += w.local * local
        return loss

    def _judge(self, unit_images, purpose):
        """Patch logits `(batch, ...)` of whole images or of random crops of them."""
        if not self.patch_crops:
            return self.discriminator(unit_images, training=True)
        seed = self.stateless_seed(purpose)
        crops = random_crops(unit_images, self.crop_size, self.patch_crops, seed)
        logits = self.discriminator(crops, training=True)
        return tf.reshape(logits, (_batch_size(unit_images), -1))

    def _check_players(self):
        image_shape = known_shape(self.teacher, "input")
        made, seen = known_shape(self.generator, "output"), known_shape(self.discriminator, "input")
        if image_shape and made and made != image_shape:
            raise RequestError(
                f"The generator must make images of the teacher's input shape {image_shape}. "
                f"Received: {made}"
            )
        if image_shape and seen and not self.patch_crops and seen != image_shape:
            raise RequestError(
                f"The discriminator must take images of the teacher's input shape "
                f"{image_shape}, or crops of them with `patch_crops`. Received: {seen}"
            )
        if not self.noise_dim:
            raise RequestError("`noise_dim` is needed with a generator of unknown input shape")
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


def _batch_size(images):
    return tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
