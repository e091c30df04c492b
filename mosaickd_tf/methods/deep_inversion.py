"""DeepInversion: images found by gradient descent on their pixels, kept for the student."""

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import OptimizationConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import STATISTICS, Distiller
from mosaickd_tf.methods.data_free import PUBLISHED
from mosaickd_tf.methods.generative import STUDENT, count
from mosaickd_tf.methods.image_memory import ImageMemory
from mosaickd_tf.methods.statistics import TeacherStatistics
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.training.optimizers import reset_optimizer
from mosaickd_tf.utils.stateless_random import random_bits, standard_normal

_JITTER, _NEXT_PIXELS = 0, 1  # purposes below the student's
_LARGEST_SHIFT = 2  # pixels, as in the official code for CIFAR-10


class Pixels(keras.layers.Layer):
    """A batch of images as variables.

    Args:
        batch_size: number of images.
        image_shape: `(height, width, channels)`.
        seed: at least 0; of the noise that the images are at first.
    """

    def __init__(self, batch_size, image_shape, seed=0):
        super().__init__(name="pixels", dtype="float32")
        self.batch_shape = (batch_size, *image_shape)
        self.unbounded = self.add_weight(
            name="unbounded",
            shape=self.batch_shape,
            initializer=lambda shape, dtype=None: standard_normal(shape, (seed, 0)),
        )
        self.built = True

    def unit_images(self):
        """`(batch_size, height, width, channels)`: the sigmoid of the variables."""
        return keras.ops.sigmoid(self.unbounded)

    def reset(self, seed):
        """Makes them noise again, a function of the seed `(2,)`."""
        self.unbounded.assign(standard_normal(self.batch_shape, seed))


class DeepInversionDistiller(Distiller):
    """No images at all: a batch of pixels at a time becomes what the teacher was trained on.

    In each round the pixels are moved once. After `deep_inversion_steps` rounds the batch goes
    to a bank and the next one starts from noise, classes in turn. The student learns in each
    round from images drawn from the bank, or from the unfinished batch until there is a
    finished one. With a weight of the competition this is Adaptive DeepInversion.

    The paper moves standardised pixels without bounds; here they are the sigmoid of what is
    moved, and total variation and norm are of unit images. The weights are those that the
    official code for CIFAR-10 and the benchmark of MosaicKD's authors
    (github.com/zju-vipa/CMI) share, and the latter's weight of the competition.

    Both codes set out to keep the best images of a batch, but what they note is the tensor that
    moves on: they keep the last ones, as is meant here. CMI shows the student the images of its
    bank padded, cropped and flipped; here it sees them as they are.

    Args:
        batch_size: images that are optimised at a time.
        loss_weights: the `DataFreeTerms`, of which it uses those that begin with `deep_inversion`.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: for a teacher without batch normalisation or of unknown shapes, or a bank
            that is smaller than a batch.

    Reference:
        - [Yin et al., 2020](https://arxiv.org/abs/1912.08795)
    """

    source = "Yin et al., Dreaming to Distill: Data-free KD via DeepInversion, CVPR 2020"
    needs = (STATISTICS,)
    terms = (
        "classification_loss",
        "statistics_loss",
        "total_variation_loss",
        "image_norm_loss",
        "competition_loss",
        "distillation_loss",
    )
    players = ("student", "pixels")

    def __init__(
        self, *, batch_size=OptimizationConfig.batch_size, loss_weights=PUBLISHED, **kwargs
    ):
        super().__init__(**kwargs)
        self.loss_weights = loss_weights
        self.statistics = TeacherStatistics(self.teacher, self.teacher_capture.layers)
        image_shape, classes = (known_shape(self.teacher, x) for x in ("input", "output"))
        if not image_shape or not classes:
            raise RequestError(
                "Pixels need a teacher whose shapes Keras knows. Expected a functional or "
                f"sequential model. Received: {self.teacher.name!r}"
            )
        if loss_weights.deep_inversion_bank < batch_size:
            raise RequestError(
                f"`deep_inversion_bank` must hold the {batch_size} images of a batch. Received: "
                f"{loss_weights.deep_inversion_bank}"
            )
        self.num_classes = classes[-1]
        self.pixels = Pixels(batch_size, image_shape, self.seed)
        self.bank = ImageMemory(loss_weights.deep_inversion_bank, image_shape)

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        own = {"loss_weights": config.data_free, "batch_size": config.optimization.batch_size}
        return super().options(config) | own

    def compile(self, *, pixels_optimizer=None, **kwargs):
        """Sets an optimizer for each player; Adam of the configured rate for pixels if left out."""
        super().compile(**kwargs)
        self.pixels_optimizer = pixels_optimizer or keras.optimizers.Adam(
            self.loss_weights.deep_inversion_learning_rate, epsilon=1e-8
        )
        self.pixels_optimizer.build(self.pixels.trainable_variables)

    def state(self):
        """See `Distiller.state`; with the bank."""
        return super().state() | {"bank": self.bank}

    def train_step(self, batch):
        """Plays one round: the pixels once, then the student on images of the bank."""
        self._update_pixels()
        self.play_student(batch)
        self._finish_batch_if_due()
        return self.end_round()

    def student_batch(self, batch, k):
        """See `Distiller.student_batch`; drawn from the bank, or from the unfinished batch."""
        number, seed = count(batch["transfer_images"]), self.stateless_seed(STUDENT + k)
        batch_size = tf.constant(self.pixels.batch_shape[0], "uint32")
        unfinished = tf.cast(random_bits((number,), seed) % batch_size, "int32")
        return tf.cond(
            self.bank.written > 0,
            lambda: self.bank.draw(number, seed),
            lambda: tf.gather(self.pixels.unit_images(), unfinished),
        )

    def samples(self, count):
        """The images that were finished last; the unfinished batch until there are any."""
        if not self.bank.written:
            return tf.gather(
                self.pixels.unit_images(), tf.range(count) % self.pixels.batch_shape[0]
            )
        return self.bank.latest(count)

    def labels(self):
        """The classes asked of the present batch, int64 `(batch_size,)`, all in turn."""
        batch_size = self.pixels.batch_shape[0]
        number = self.rounds_played // self.loss_weights.deep_inversion_steps
        return (number * batch_size + tf.range(batch_size, dtype="int64")) % self.num_classes

    def pixel_loss(self, unit_images):
        """What the pixels minimise, a scalar; reports its terms."""
        w = self.loss_weights
        teacher = self.statistics(unit_images)

        def competition():
            student_logits = self.student(unit_images, training=False)
            return losses.competition_loss(teacher.logits, student_logits)

        return self.weighted(
            classification_loss=(
                1.0,
                lambda: losses.classification_loss(teacher.logits, self.labels()),
            ),
            statistics_loss=(
                w.deep_inversion_statistics_weight,
                lambda: teacher.statistics_loss,
            ),
            total_variation_loss=(
                w.deep_inversion_variation_weight,
                lambda: losses.total_variation_loss(unit_images),
            ),
            image_norm_loss=(
                w.deep_inversion_norm_weight,
                lambda: losses.image_norm_loss(unit_images),
            ),
            competition_loss=(w.deep_inversion_competition_weight, competition),
        )

    def _update_pixels(self):
        # All images are rolled alike, a little, so that none leans on the exact grid.
        choices = tf.constant(2 * _LARGEST_SHIFT + 1, "uint32")
        shifts = random_bits((2,), self.stateless_seed(_JITTER)) % choices
        with tf.GradientTape() as tape:
            rolled = tf.roll(
                self.pixels.unit_images(), tf.cast(shifts, "int32") - _LARGEST_SHIFT, axis=(1, 2)
            )
            loss = self.pixel_loss(rolled)
        self.apply(tape, loss, "pixels")

    def _finish_batch_if_due(self):
        def finish():
            self.bank.add(self.pixels.unit_images())
            self.pixels.reset(self.stateless_seed(_NEXT_PIXELS))
            reset_optimizer(self.pixels_optimizer)
            return True

        due = (self.rounds_played + 1) % self.loss_weights.deep_inversion_steps == 0
        tf.cond(due, finish, lambda: False)
