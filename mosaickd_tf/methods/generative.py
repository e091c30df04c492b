"""What methods with a generator share: noise, synthetic images, one update of the generator."""

import tensorflow as tf

from mosaickd_tf.distiller import Distiller, check_built, known_shape
from mosaickd_tf.errors import RequestError
from mosaickd_tf.optimizers import gan_adam
from mosaickd_tf.randomness import standard_normal

# What noise is drawn for; the student's updates follow, one number each.
GENERATOR, REAL_CROPS, FAKE_CROPS, STUDENT = range(4)
_SHOWN = 128  # images of one call of the generator to look at


class GenerativeDistiller(Distiller):
    """A generator and a student learn in turn, the student on synthetic images.

    A method derives from it and says in `generator_loss` what the generator is after.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images of the
            teacher's input shape.
        noise_dim: length of the generator's noise; needed only for a subclassed generator,
            whose input shape Keras does not know.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: when the players do not fit together.
    """

    needs = ()
    players = ("student", "generator")

    def __init__(self, *, generator, noise_dim=None, **kwargs):
        super().__init__(**kwargs)
        check_built(generator=generator)
        self.generator = generator
        self.noise_dim = noise_dim or (known_shape(generator, "input") or (None,))[-1]
        if not self.noise_dim:
            raise RequestError("`noise_dim` is needed with a generator of unknown input shape")
        image_shape, made = known_shape(self.teacher, "input"), known_shape(generator, "output")
        if image_shape and made and made != image_shape:
            raise RequestError(
                f"The generator must make images of the teacher's input shape {image_shape}. "
                f"Received: {made}"
            )

    def compile(self, *, generator_optimizer=None, **kwargs):
        """Sets an optimizer for each player; the published recipe's where left out."""
        super().compile(**kwargs)
        self.generator_optimizer = generator_optimizer or gan_adam()
        self.generator_optimizer.build(self.generator.trainable_variables)

    def train_step(self, batch):
        """Plays one round: the generator once, then the student on fresh synthetic images."""
        batch_size, student_steps = count(batch["transfer_images"]), steps(batch)
        self.update_generator(batch_size)
        for k in range(student_steps):  # unrolled: a Python int
            self.update_student(self.synthesize(batch_size, STUDENT + k))
        return self.end_round()

    def synthesize(self, batch_size, purpose=GENERATOR):
        """Synthetic unit images from this round's noise for the purpose."""
        noise = standard_normal((batch_size, self.noise_dim), self.stateless_seed(purpose))
        return self.generator(noise, training=True)

    def samples(self, count):
        """Synthetic images of the generator in inference mode, from the same noise each time."""
        noise = standard_normal((count, self.noise_dim), (self.seed, 0))
        batches = [noise[start : start + _SHOWN] for start in range(0, count, _SHOWN)]
        return tf.concat([self.generator(batch, training=False) for batch in batches], axis=0)

    def update_generator(self, batch_size):
        """One update of the generator on fresh synthetic images."""
        with tf.GradientTape() as tape:
            loss = self.generator_loss(self.synthesize(batch_size))
        self.apply(tape, loss, "generator")

    def generator_loss(self, synthetic_images):
        """What the generator minimises on a batch of its images; reports its terms."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the generator is after")


def count(images):
    """Number of images in a batch, a Python int where the graph knows it."""
    return tf.shape(images)[0] if images.shape[0] is None else images.shape[0]


def steps(batch):
    """Updates of the student in a round, a Python int."""
    return batch["transfer_images"].shape[1]
