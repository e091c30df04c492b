"""DeepInversion: images found by gradient descent on their pixels, kept for the student."""

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import STATISTICS as TEACHER_STATISTICS
from mosaickd_tf.config.method import TEACHER_GRADIENTS, Method, method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import CLASSIFICATION, DISTILLATION, STATISTICS, Term
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.image_memory import ImageMemory
from mosaickd_tf.methods.noise import STUDENT, count
from mosaickd_tf.methods.statistics import StatisticsMatcher
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.training.optimizers import reset_optimizer
from mosaickd_tf.utils.stateless_random import random_bits, standard_normal

_JITTER, _NEXT_PIXELS = 0, 1  # purposes below the student's
_LARGEST_SHIFT = 2  # pixels, as in the official code for CIFAR-10


@method_config(flag_prefix="deep_inversion_")
class DeepInversionConfig(ConfigSection):
    """DeepInversion (deep_inversion)."""

    steps: int = option(
        1000,
        "Rounds in which a batch of images is optimized; at most --rounds.",
        at_least=1,
        at_most_rounds=True,
    )
    learning_rate: float = option(0.1, "Adam's learning rate for pixels.", above=0.0)
    statistics_weight: float = option(
        10.0, "Weight of the teacher's BatchNormalization statistics.", at_least=0.0
    )
    variation_weight: float = option(1e-3, "Weight of the total variation.", at_least=0.0)
    norm_weight: float = option(0.0, "Weight of the images' L2 norm.", at_least=0.0)
    competition_weight: float = option(
        1.0, "Weight of the competition with the student; 0 is plain DeepInversion.", at_least=0.0
    )
    bank: int = option(
        10240, "Number of finished images that are kept; the oldest are replaced.", at_least=2
    )


METHOD = Method(
    name="deep_inversion",
    distiller="DeepInversionDistiller",
    source="Yin et al., Dreaming to Distill: Data-free KD via DeepInversion, CVPR 2020",
    needs=(TEACHER_STATISTICS, TEACHER_GRADIENTS),
    networks=("student", "pixels"),
    synthetic_images="image bank",
    terms=(
        CLASSIFICATION,
        STATISTICS.weighted_by("deep_inversion_statistics_weight"),
        Term(
            name="total_variation_loss",
            short="variation",
            title="Total variation",
            note="differences of neighboring pixels",
            flag="deep_inversion_variation_weight",
        ),
        Term(
            name="image_norm_loss",
            short="norm",
            title="Image norm",
            note="L2 norm of all pixels of the batch",
            flag="deep_inversion_norm_weight",
        ),
        Term(
            name="competition_loss",
            short="competition",
            title="Competition loss",
            note="1 minus the Jensen-Shannon divergence of teacher and student",
            unit="nats",
            flag="deep_inversion_competition_weight",
        ),
        DISTILLATION,
    ),
    tasks=("single_label",),
    config=DeepInversionConfig,
)


class Pixels(keras.layers.Layer):
    """A batch of images as variables.

    Args:
        batch_size: number of images.
        image_shape: `(height, width, channels)`.
        seed: at least 0; of the noise that they are initialized with.
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
        """Returns `(batch_size, height, width, channels)`, the sigmoid of the variables."""
        return keras.ops.sigmoid(self.unbounded)

    def reset(self, seed):
        """Replaces them by noise, a function of the seed `(2,)`."""
        self.unbounded.assign(standard_normal(self.batch_shape, seed))


class DeepInversionDistiller(Distiller):
    """No images at all: a batch of pixels at a time becomes what the teacher was trained on.

    In each round the pixels are moved once. After `deep_inversion_steps` rounds the batch goes
    to a bank and the next one starts from noise, classes in turn. The student learns in each
    round from images drawn from the bank, or from the unfinished batch until there is a
    finished one. With a weight of the competition this is Adaptive DeepInversion.

    The paper moves standardized pixels without bounds; here they are the sigmoid of what is
    moved, and total variation and norm are of unit images. The weights are those that the
    official code for CIFAR-10 and the benchmark of MosaicKD's authors
    (github.com/zju-vipa/CMI) share, and the latter's weight of the competition.

    Both codes set out to keep the best images of a batch, but what they note is the tensor that
    moves on: they keep the last ones, as is meant here. CMI shows the student the images of its
    bank padded, cropped and flipped; here it sees them as they are.

    Args:
        batch_size: images that are optimized at a time.
        statistics: a `StatisticsMatcher`; one of the teacher if left out.
        config: a `DeepInversionConfig`.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: for a teacher without BatchNormalization or of unknown shapes, or a bank
            that is smaller than a batch.

    Reference:
        - [Yin et al., 2020](https://arxiv.org/abs/1912.08795)
    """

    method = METHOD

    def __init__(self, *, batch_size, statistics=None, **kwargs):
        super().__init__(**kwargs)
        self.statistics = statistics or StatisticsMatcher(self.teacher)
        image_shape, outputs = (known_shape(self.teacher, x) for x in ("input", "output"))
        if not image_shape or not outputs:
            raise RequestError(
                "Pixels need a teacher whose shapes Keras knows. Expected a functional or "
                f"sequential model. Received: {self.teacher.name!r}"
            )
        if self.config.bank < batch_size:
            raise RequestError(
                f"`deep_inversion_bank` must hold the {batch_size} images of a batch. Received: "
                f"{self.config.bank}"
            )
        self.num_classes = outputs[-1]
        self.pixels = Pixels(batch_size, image_shape, self.seed)
        self.bank = ImageMemory(self.config.bank, image_shape)

    def train_step(self, batch):
        """Runs one round: one update of the pixels, then k of the student on images of the bank.

        After `steps` rounds the pixels' images are finished: they go to the bank, and the next
        ones start from noise.
        """
        # All images are shifted alike, a little, so that none depends on the exact grid.
        choices = tf.constant(2 * _LARGEST_SHIFT + 1, "uint32")
        shifts = random_bits((2,), self.stateless_seed(_JITTER)) % choices
        with tf.GradientTape() as tape:
            shifted_images = tf.roll(
                self.pixels.unit_images(), tf.cast(shifts, "int32") - _LARGEST_SHIFT, axis=(1, 2)
            )
            pixel_loss = self.pixel_loss(shifted_images)
        self.apply_gradients(tape, pixel_loss, "pixels")

        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(self.student_images(batch, k))

        is_finished = (self.rounds_completed + 1) % self.config.steps == 0
        tf.cond(is_finished, self._start_next_images, lambda: False)
        return self.end_round()

    def pixel_loss(self, unit_images):
        """Returns what the pixels minimize, a scalar.

        A term of weight 0 is not computed.
        """
        w = self.config
        statistics = variation = competition = 0.0
        teacher_logits, statistics_loss = self.statistics(unit_images)
        classification = losses.classification_loss(teacher_logits, self.labels())
        self.record("classification_loss", classification)
        if w.statistics_weight:
            statistics = self.record("statistics_loss", statistics_loss)
        if w.variation_weight:
            variation = losses.total_variation_loss(unit_images)
            self.record("total_variation_loss", variation)
        if w.competition_weight:
            student_logits = self.student(unit_images, training=False)
            competition = losses.competition_loss(teacher_logits, student_logits)
            self.record("competition_loss", competition)
        loss = (
            classification
            + w.statistics_weight * statistics
            + w.variation_weight * variation
            + w.competition_weight * competition
        )
        if w.norm_weight:
            norm = self.record("image_norm_loss", losses.image_norm_loss(unit_images))
            loss += w.norm_weight * norm
        return loss

    def update_student(self, unit_images):
        """Updates the student once: L_kd on images of the bank."""
        teacher_logits = self.teacher(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = self.task.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", loss)

    def student_images(self, batch, k):
        """Returns images drawn from the bank, or from the unfinished batch while it is empty."""
        number, seed = count(batch["transfer_images"]), self.stateless_seed(STUDENT + k)
        batch_size = tf.constant(self.pixels.batch_shape[0], "uint32")
        unfinished = tf.cast(random_bits((number,), seed) % batch_size, "int32")
        return tf.cond(
            self.bank.written > 0,
            lambda: self.bank.draw(number, seed)[0],
            lambda: tf.gather(self.pixels.unit_images(), unfinished),
        )

    def labels(self):
        """Returns the classes that the present images aim at, int64 `(batch_size,)`, in turn."""
        batch_size = self.pixels.batch_shape[0]
        number = self.rounds_completed // self.config.steps
        return (number * batch_size + tf.range(batch_size, dtype="int64")) % self.num_classes

    def samples(self, count):
        """Returns the images finished last; the unfinished batch until there are any."""
        if not self.bank.written:
            return tf.gather(
                self.pixels.unit_images(), tf.range(count) % self.pixels.batch_shape[0]
            )
        return self.bank.latest(count)

    def default_optimizer(self, network):
        """See `Distiller.default_optimizer`; Adam of the configured rate for pixels."""
        if network == "pixels":
            return keras.optimizers.Adam(self.config.learning_rate, epsilon=1e-8)
        return super().default_optimizer(network)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        batch_size = config.optimization.batch_size
        return super().arguments(config, num_images) | {"batch_size": batch_size}

    def state(self):
        """See `Distiller.state`; with the bank."""
        return super().state() | {"bank": self.bank}

    def _start_next_images(self):
        self.bank.add(self.pixels.unit_images())
        self.pixels.reset(self.stateless_seed(_NEXT_PIXELS))
        reset_optimizer(self.pixels_optimizer)
        return True
