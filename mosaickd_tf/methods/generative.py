"""What methods with a generator share: noise, synthetic images, one update of the generator."""

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import ExtensionConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import STATISTICS, ClassifierOutputs, Distiller
from mosaickd_tf.methods.image_memory import FirstValues, ImageMemory
from mosaickd_tf.methods.statistics import TeacherStatistics
from mosaickd_tf.models.compatibility import check_built, known_shape
from mosaickd_tf.models.sampling import synthetic_images
from mosaickd_tf.training.optimizers import gan_adam, reset_optimizer
from mosaickd_tf.utils.stateless_random import standard_normal

# What noise is drawn for; the student's updates follow, one number each.
GENERATOR, REAL_CROPS, FAKE_CROPS, STUDENT = range(4)
# Further updates of the generator and what is remembered, one number each, far behind those.
_GENERATOR_AGAIN, _MEMORY = 500, 600

_NO_EXTENSIONS = ExtensionConfig()


class GenerativeDistiller(Distiller):
    """A generator and a student learn in turn, the student on synthetic images.

    A method derives from it and names in `generator_terms` what the generator is after.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images of the
            teacher's input shape; with a `conditional_weight`, from noise and a one-hot class
            behind it, `(batch, noise_dim + num_classes)`.
        noise_dim: length of the generator's noise; needed only for a subclassed generator,
            whose input shape Keras does not know.
        extensions: an `ExtensionConfig`, all off by default.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: when the players do not fit together.
    """

    needs = ()
    players = ("student", "generator")

    def __init__(self, *, generator, noise_dim=None, extensions=_NO_EXTENSIONS, **kwargs):
        super().__init__(**kwargs)
        check_built(generator=generator)
        self.generator = generator
        self.extensions = extensions
        self.noise_dim, self.num_classes = self._input_dims(noise_dim)
        image_shape, made = known_shape(self.teacher, "input"), known_shape(generator, "output")
        if image_shape and made and made != image_shape:
            raise RequestError(
                f"The generator must make images of the teacher's input shape {image_shape}. "
                f"Received: {made}"
            )
        self._prepare_extensions()

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {"extensions": config.extensions}

    def compile(self, *, generator_optimizer=None, **kwargs):
        """Sets an optimizer for each player; the published recipe's where left out."""
        super().compile(**kwargs)
        self.generator_optimizer = generator_optimizer or gan_adam()
        self.generator_optimizer.build(self.generator.trainable_variables)

    def state(self):
        """See `Distiller.state`; with the memory and the generator's first values."""
        extra = {"memory": self.memory, "generator_start": self.generator_start}
        return super().state() | {name: value for name, value in extra.items() if value}

    def train_step(self, batch):
        """Plays one round: the generator's phase, then the student on fresh images."""
        self._restart_generator_if_due()
        self.play_generator(batch)
        self.play_student(batch)
        return self.end_round()

    def play_generator(self, batch):
        """The generator's phase of a round: its updates."""
        for step in range(self.extensions.generator_steps_per_round):
            self.update_generator(count(batch["transfer_images"]), step)

    def student_batch(self, batch, k):
        """Unit images of the student's update number k of the round, all synthetic."""
        return self.synthetic_images(count(batch["transfer_images"]), k)

    def synthetic_images(self, number, k):
        """Images for the student's update k: fresh ones, half of them remembered if any are."""
        if self.memory is None:
            return self.synthesize(number, STUDENT + k)
        fresh = self.synthesize(number - number // 2, STUDENT + k)
        if k == 0:
            self.memory.add(fresh)
        past = self.memory.draw(number // 2, self.stateless_seed(_MEMORY + k))
        return tf.concat([fresh, past], axis=0)

    def synthesize(self, batch_size, purpose=GENERATOR):
        """Synthetic unit images from this round's noise for the purpose."""
        noise = standard_normal((batch_size, self.noise_dim), self.stateless_seed(purpose))
        if self.extensions.conditional_weight:
            noise = self._with_classes(noise, self.labels(batch_size))
        return self.generator(noise, training=True)

    def labels(self, batch_size):
        """The classes asked of a batch of this round's images, int64 `(batch,)`, all in turn."""
        numbers = tf.range(tf.cast(batch_size, "int64"))
        return (self.rounds_played * tf.cast(batch_size, "int64") + numbers) % self.num_classes

    def samples(self, count):
        """Synthetic images of the generator in inference mode, from the same noise each time."""
        return synthetic_images(
            self.generator,
            count,
            seed=(self.seed, 0),
            noise_dim=self.noise_dim,
            num_classes=self.num_classes if self.extensions.conditional_weight else 0,
        )

    def update_generator(self, batch_size, step=0):
        """One update of the generator on fresh synthetic images, the round's number `step`."""
        with tf.GradientTape() as tape:
            images = self.synthesize(batch_size, _GENERATOR_AGAIN + step if step else GENERATOR)
            loss = self.generator_loss(images)
        self.apply(tape, loss, "generator")

    def generator_loss(self, synthetic_images):
        """What the generator minimises on a batch of its images; reports its terms."""
        teacher = self.teacher_sees(synthetic_images)
        terms = self.extension_terms(synthetic_images, teacher)
        return self.weighted(**terms | self.generator_terms(synthetic_images, teacher))

    def generator_terms(self, synthetic_images, teacher):
        """What the method asks of the generator, as `Distiller.weighted` takes it.

        Args:
            synthetic_images: `(batch, height, width, channels)`.
            teacher: what the teacher has `ClassifierOutputs` in them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what the generator is after")

    def extension_terms(self, synthetic_images, teacher):
        """What goes beyond the method's paper, in the same form."""
        wanted = self.extensions
        labels = self.labels(count(synthetic_images)) if wanted.conditional_weight else None
        return {
            "statistics_loss": (wanted.statistics_weight, lambda: teacher.statistics_loss),
            "classification_loss": (
                wanted.conditional_weight,
                lambda: losses.classification_loss(teacher.logits, labels),
            ),
        }

    def teacher_sees(self, synthetic_images):
        """Returns the teacher's `ClassifierOutputs`, statistics compared where a term asks."""
        if self.statistics:
            return self.statistics(synthetic_images)
        return ClassifierOutputs(*self.teacher_capture(synthetic_images, training=False))

    def _prepare_extensions(self):
        wanted = self.extensions
        if wanted.statistics_weight:
            self.track("statistics_loss")
        if wanted.conditional_weight:
            self.track("classification_loss")
        compared = STATISTICS in self.needs or wanted.statistics_weight
        self.statistics = (
            TeacherStatistics(self.teacher, self.teacher_capture.layers) if compared else None
        )
        restarts = wanted.generator_restart_every
        self.generator_start = FirstValues(self.generator) if restarts else None
        image_shape = known_shape(self.teacher, "input") or known_shape(self.generator, "output")
        if wanted.memory_size and not image_shape:
            raise RequestError("`memory_size` needs a teacher whose input shape Keras knows")
        self.memory = ImageMemory(wanted.memory_size, image_shape) if wanted.memory_size else None

    def _input_dims(self, noise_dim):
        """Length of the noise, and number of classes where it is told them."""
        classes = (known_shape(self.teacher, "output") or (None,))[-1]
        if self.extensions.conditional_weight and not classes:
            raise RequestError("`conditional_weight` needs a teacher whose classes Keras knows")
        told = classes if self.extensions.conditional_weight else 0
        noise_dim = noise_dim or ((known_shape(self.generator, "input") or (0,))[-1] - told)
        if noise_dim < 1:
            raise RequestError(
                "`noise_dim` is needed with a generator of unknown input shape. Expected one of "
                f"at least 1, beside {told} classes. Received: {noise_dim}"
            )
        return noise_dim, classes

    def _with_classes(self, noise, labels):
        return tf.concat([noise, tf.one_hot(labels, self.num_classes)], axis=-1)

    def _restart_generator_if_due(self):
        every = self.extensions.generator_restart_every
        if not every:
            return

        def restart():
            self.generator_start.bring_back(self.generator)
            reset_optimizer(self.generator_optimizer)
            return True

        due = (self.rounds_played > 0) & (self.rounds_played % every == 0)
        tf.cond(due, restart, lambda: False)


def count(images):
    """Number of images in a batch, a Python int where the graph knows it."""
    return tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
