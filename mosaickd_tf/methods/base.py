"""The frame that all methods share: a frozen teacher, a student, rounds."""

import typing

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import check_built, check_same_task
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name
from mosaickd_tf.models.graph.copies import computes_in_float16
from mosaickd_tf.models.graph.inference import inference_copy
from mosaickd_tf.training.optimizers import MomentumSGD
from mosaickd_tf.training.update_guard import LossScale, UpdateGuard, update_if_finite
from mosaickd_tf.utils import machine

# What a method may need beside the two networks.
OOD_IMAGES = "OOD images"
FEATURES = "features of teacher and student"
TEACHER_FEATURES = "features of the teacher"
STATISTICS = "the teacher's normalisation statistics"


class ClassifierOutputs(typing.NamedTuple):
    """What a classifier makes of a batch of images.

    Attributes:
        logits: `(batch, num_classes)`.
        features: a list with the output of each layer that the method watches.
        statistics_loss: how far the batch is from what the normalisations remember, a
            scalar; None where nobody asked.
    """

    logits: tf.Tensor
    features: list
    statistics_loss: tf.Tensor | None = None


class Distiller(keras.Model):
    """A student that imitates a frozen teacher, round by round.

    A method derives from it and says in `train_step` what a round is, and in `student_loss`
    what the student learns from a batch. Each term of a round is reported under its name as
    the mean since the metrics were last reset.

    Class attributes of a method:
        source: the paper that it comes from.
        needs: what it asks for, of `OOD_IMAGES`, `FEATURES`, `TEACHER_FEATURES` and
            `STATISTICS`.
        terms: names of what it reports, in order.
        players: names of the networks that learn; each is an attribute and may have an
            optimizer of its own, `NAME_optimizer`.
        trained_with_student: those of them that the student's optimizer moves.
        transfer_factor: images of an update that the stream gives, in batch sizes; 2, or 1
            where as many synthetic ones join them, so that all methods see as many. An
            instance may need another factor than its class.

    Args:
        teacher: Keras model from unit images `(batch, height, width, channels)` to logits
            `(batch, num_classes)`. It is frozen, moving statistics included.
        student: Keras model of the same input and output shape.
        temperature: positive; softens both sides of the distillation loss.
        seed: at least 0. All noise is a function of the seed, the round and its purpose.
        teacher_layers: names of the teacher's layers whose outputs the method uses; found by
            `watched_layers` if left out.
        student_layers: the same of the student, as many.
        num_images: how many OOD images there are, for methods that remember each.
        skip_nonfinite: whether updates that are not finite are left out and counted.

    Raises:
        RequestError: when teacher and student do not fit together.
    """

    source = ""
    needs = (OOD_IMAGES,)
    terms = ("distillation_loss",)
    players = ("student",)
    trained_with_student = ("student",)
    transfer_factor = 2

    def __init__(
        self,
        *,
        teacher,
        student,
        temperature=1.0,
        seed=0,
        teacher_layers=(),
        student_layers=(),
        num_images=None,
        skip_nonfinite=False,
        name=None,
    ):
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
        self.num_images = num_images
        self.skip_nonfinite = skip_nonfinite
        self.guard = None
        self.loss_scales = {}
        self._plain_capture = self._taps(teacher, teacher_layers)  # of the teacher itself
        self.teacher_capture = self._plain_capture
        self.student_capture = self._taps(student, student_layers)
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

        `jit_compile="auto"` is XLA where there is a GPU and plain graphs elsewhere. A folded copy
        of the teacher goes; the next round that is compiled makes another.
        """
        self.teacher_capture = self._plain_capture
        jit_compile = machine.compiles_with_xla(jit_compile)
        # Each player has an optimizer of its own; Keras would add one that nobody asked for.
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.student_optimizer = student_optimizer or MomentumSGD(0.1, l2=1e-4)
        # Variables are made before the first trace, so that the round is traced once.
        self.student_optimizer.build(tf.nest.flatten(self._moved_with("student")))
        if computes_in_float16(self.teacher, *(getattr(self, name) for name in self.players)):
            self.loss_scales = {player: LossScale() for player in self.players}
        if self.skip_nonfinite or self.loss_scales:
            self.guard = UpdateGuard([getattr(self, player) for player in self.players])

    def make_train_function(self, force=False):
        """Compiles the round, in which a folded copy of the teacher is asked.

        Not where layers of the teacher are watched: those have to be there. The copy keeps the
        weights that the teacher has now: after others are set, `compile` again or use `force`.
        """
        is_due = force or self.train_function is None
        if is_due and not self._plain_capture.layers:
            with self.distribute_strategy.scope():
                self.teacher_capture = ActivationCapture(inference_copy(self.teacher), [])
        return super().make_train_function(force)

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
        optimizers = [f"{player}_optimizer" for player in self.players]
        names = [*self.players, *(name for name in optimizers if hasattr(self, name))]
        trackers = self.trackers | self.gradient_norms
        means = {name: tracker.variables for name, tracker in trackers.items()}
        return {name: getattr(self, name) for name in names} | {
            "rounds": self.rounds_played,
            "means": means,
            **({"guard": self.guard} if self.guard else {}),
            **({"loss_scales": dict(self.loss_scales)} if self.loss_scales else {}),
        }

    @property
    def skipped_updates(self):
        """How many updates were left out because they were not finite."""
        return int(self.guard.skipped.numpy()) if self.guard else 0

    @staticmethod
    def watched_layers(model):
        """Names of the layers of a classifier of ours whose outputs the method uses."""
        return ()

    @classmethod
    def options(cls, config):
        """What a `DistillConfig` says of the method, as keyword arguments beside the players."""
        return {
            "temperature": config.optimization.temperature,
            "seed": config.run.seed,
            "teacher_layers": config.method.teacher_layers,
            "student_layers": config.method.student_layers,
            "skip_nonfinite": config.run.on_divergence == "skip",
        }

    @classmethod
    def select_transfer_indices(cls, predict):
        """Which OOD images the student learns from.

        Args:
            predict: function without arguments that gives the teacher's logits
                `(n, num_classes)` of all OOD images.

        Returns:
            Int `(n,)` rows of the data set, repeated where an image counts more than once;
            None for the data set as it is.
        """
        return None

    @classmethod
    def makes_images(cls):
        """Whether `samples` gives any."""
        return cls.samples is not Distiller.samples

    def samples(self, count):
        """Synthetic unit images to look at, `(count, height, width, channels)`, or None."""
        return None

    def student_batch(self, batch, k):
        """Unit images of the student's update number k of the round: OOD ones, as they come."""
        return batch["transfer_images"][:, k]

    def context(self, batch, k):
        """What `student_loss` takes, by name, in update k beside what the networks have seen."""
        return {}

    def play_student(self, batch):
        """The student's phase of a round: an update on each of its batches."""
        update = self.update_student
        if not tf.executing_eagerly():
            # Traced, rewritten and prepared once, however many updates there are; XLA makes one
            # program of the whole round.
            once = {} if self.jit_compile else {"_noinline": True}
            update = tf.function(update, autograph=False, experimental_attributes=once)
        for k in range(batch["transfer_images"].shape[1]):  # unrolled: a Python int
            update(self.student_batch(batch, k), **self.context(batch, k))

    def update_student(self, unit_images, **context):
        """One update of the student, and of heads that learn with it, on these images.

        Args:
            unit_images: `(batch, height, width, channels)`.
            **context: what else the method's `student_loss` takes.
        """
        teacher = ClassifierOutputs(*self.teacher_capture(unit_images, training=False))
        with tf.GradientTape() as tape:
            student = ClassifierOutputs(*self.student_capture(unit_images, training=True))
            loss = self.student_loss(teacher, student, **context)
        self.apply(tape, loss, "student")

    def student_loss(self, teacher, student):
        """What the student minimises on a batch, a scalar; reports its terms.

        Args:
            teacher: what the teacher has `ClassifierOutputs` in the images.
            student: what the student has.
        """
        loss = losses.distillation_loss(teacher.logits, student.logits, self.temperature)
        self.report(distillation_loss=loss)
        return loss

    def end_round(self):
        """Counts the round; returns the terms since the last reset."""
        self.rounds_played.assign_add(1)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def track(self, *terms):
        """Makes a mean for each of these terms too, which an instance reports beside `terms`."""
        self.trackers.update(_means(terms))

    def report(self, **terms):
        """Notes the value of each named term."""
        for name, value in terms.items():
            _note(self.trackers[name], value, only_finite=self.skip_nonfinite)

    def weighted(self, **terms):
        """The sum of weight · term; reports each term.

        Args:
            **terms: by the name of its tracker, a weight and a function without arguments that
                computes the term. A term of weight 0 is not computed.

        Returns:
            A scalar.

        Raises:
            RequestError: when all weights are 0.
        """
        on = {name: term for name, term in terms.items() if tf.is_tensor(term[0]) or term[0]}
        if not on:
            raise RequestError(
                "Something must be asked for. Expected a weight above 0 of one of: "
                f"{', '.join(terms)}. Received: 0 for all"
            )
        values = {name: term() for name, (_, term) in on.items()}
        self.report(**values)
        return sum(on[name][0] * value for name, value in values.items())

    def stateless_seed(self, purpose):
        """A seed `(2,)` for one purpose in this round, an integer below 1,000."""
        return tf.stack([tf.constant(self.seed, "int64"), self.rounds_played * 1000 + purpose])

    def apply(self, tape, loss, player):
        """One update of the player of that name; gradients of no other are taken."""
        moved = self._moved_with(player)
        scale = self.loss_scales.get(player)
        gradients = scale.gradient(tape, loss, moved) if scale else tape.gradient(loss, moved)
        optimizer = getattr(self, f"{player}_optimizer")
        flat = tf.nest.flatten(gradients), tf.nest.flatten(moved)
        if self.guard:
            self.guard.apply(optimizer, *flat, loss, scale)
        else:
            optimizer.apply(*flat)
        for name, of_network in gradients.items():
            norm = tf.linalg.global_norm(of_network)  # L2, over all variables
            mean = self.gradient_norms[f"gradient_norm_{name}"]
            _note(mean, norm, only_finite=self.guard is not None)

    def _moved_with(self, player):
        """The trainable variables that an update of this player moves, by network."""
        names = self.trained_with_student if player == "student" else (player,)
        return {name: getattr(self, name).trainable_variables for name in names}

    def _taps(self, model, names):
        names = names or self.watched_layers(model)
        return ActivationCapture(model, layers_by_name(model, names))


def _note(mean, value, only_finite):
    if only_finite:
        update_if_finite(mean, value)
    else:
        mean.update_state(value)


def _means(names):
    return {name: keras.metrics.Mean(name=name) for name in names}
