"""The frame that all methods share: a frozen teacher, a student, rounds."""

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.optimizers import MomentumSGD


class Distiller(keras.Model):
    """A student that imitates a frozen teacher, round by round.

    A method derives from it and says in `train_step` what a round is. Each term of a round
    is reported under its name as the mean since the metrics were last reset.

    Args:
        teacher: Keras model from unit images `(batch, height, width, channels)` to logits
            `(batch, num_classes)`. It is frozen, moving statistics included.
        student: Keras model of the same input and output shape.
        temperature: positive; softens both sides of the distillation loss.
        seed: at least 0. All noise is a function of the seed, the round and its purpose.

    Raises:
        RequestError: when teacher and student do not fit together.
    """

    terms = ("distillation_loss",)
    players = ("student",)

    def __init__(self, *, teacher, student, temperature=1.0, seed=0, name=None):
        super().__init__(name=name)
        if temperature <= 0:
            raise RequestError(f"`temperature` must be positive. Received: {temperature}")
        check_built(teacher=teacher, student=student)
        check_same_task(teacher, student)
        teacher.trainable = False
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.seed = seed
        self.rounds_played = self.add_weight(
            name="rounds_played", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.trackers = _means(self.terms)
        self.gradient_norms = _means(f"gradient_norm_{player}" for player in self.players)
        self.student_accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        self.teacher_agreement = keras.metrics.Mean(name="agreement")
        self.built = True

    def compile(self, *, student_optimizer=None, jit_compile="auto", **kwargs):
        """Sets the student's optimizer; the published recipe's if left out.

        `jit_compile="auto"` is XLA where there is a GPU and plain graphs elsewhere.
        """
        if jit_compile == "auto":
            jit_compile = bool(tf.config.list_physical_devices("GPU"))
        # Each player has an optimizer of its own; Keras would add one that nobody asked for.
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.student_optimizer = student_optimizer or MomentumSGD(0.1, l2=1e-4)
        # Variables are made before the first trace, so that the round is traced once.
        self.student_optimizer.build(self.student.trainable_variables)

    @property
    def metrics(self):
        """What `fit` and `evaluate` reset and report."""
        means = [*self.trackers.values(), *self.gradient_norms.values()]
        return [*means, self.student_accuracy, self.teacher_agreement]

    def call(self, unit_images, training=False):
        """The student's logits: to predict with a distiller is to predict with its student."""
        return self.student(unit_images, training=training)

    def train_step(self, batch):
        """Plays one round."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a round is.")

    def test_step(self, data):
        """Compares the student with the labels and with the teacher on `(images, labels)`."""
        unit_images, labels = data[:2]
        student_logits = self.student(unit_images, training=False)
        teacher_logits = self.teacher(unit_images, training=False)
        agrees = tf.argmax(student_logits, axis=-1) == tf.argmax(teacher_logits, axis=-1)
        self.student_accuracy.update_state(labels, student_logits)
        self.teacher_agreement.update_state(tf.cast(agrees, "float32"))
        return {m.name: m.result() for m in (self.student_accuracy, self.teacher_agreement)}

    def state(self):
        """What a checkpoint has to hold: players, optimizers, round, means; not the teacher."""
        names = [*self.players, *(f"{player}_optimizer" for player in self.players)]
        trackers = self.trackers | self.gradient_norms
        means = {name: tracker.variables for name, tracker in trackers.items()}
        return {name: getattr(self, name) for name in names} | {
            "rounds": self.rounds_played,
            "means": means,
        }

    def update_student(self, unit_images):
        """One update of the student towards the teacher on these images."""
        teacher_logits = self.teacher(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = losses.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply(tape, loss, "student")
        self.report(distillation_loss=loss)

    def end_round(self):
        """Counts the round; returns the terms since the last reset."""
        self.rounds_played.assign_add(1)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def report(self, **terms):
        """Notes the value of each named term."""
        for name, value in terms.items():
            self.trackers[name].update_state(value)

    def stateless_seed(self, purpose):
        """A seed `(2,)` for one purpose in this round, an integer below 1,000."""
        return tf.stack([tf.constant(self.seed, "int64"), self.rounds_played * 1000 + purpose])

    def apply(self, tape, loss, player):
        """One update of the player of that name; gradients of no other are taken."""
        variables = getattr(self, player).trainable_variables
        gradients = tape.gradient(loss, variables)
        getattr(self, f"{player}_optimizer").apply(gradients, variables)
        norm = tf.linalg.global_norm(gradients)  # L2, over all variables
        self.gradient_norms[f"gradient_norm_{player}"].update_state(norm)


def _means(names):
    return {name: keras.metrics.Mean(name=name) for name in names}


def check_built(**players):
    """Raises `RequestError` unless every player, given by name, has its variables."""
    for name, player in players.items():
        if not player.built:
            raise RequestError(
                f"Every player must be built: call it once on a batch. Received: a {name} that "
                "is not"
            )


def check_same_task(teacher, student):
    """Raises `RequestError` unless both models map the same images to as many logits."""
    for what in ("input", "output"):
        expected, received = known_shape(teacher, what), known_shape(student, what)
        if expected and received and expected != received:
            raise RequestError(
                f"Teacher and student must have the same {what} shape. Expected the teacher's "
                f"{expected}. Received: {received} of the student"
            )


def known_shape(model, what):
    """The shape of a model's `"input"` or `"output"` without the batch axis.

    Returns:
        A tuple, or None for a subclassed model, whose shapes Keras does not know.
    """
    try:
        return getattr(model, f"{what}_shape")[1:]
    except AttributeError:
        return None
