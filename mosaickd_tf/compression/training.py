"""Training of a compressed student: it keeps learning from the teacher in its wrapper."""

import contextlib

import keras
import tensorflow as tf

from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.training import TrainingLoop
from mosaickd_tf.training.trainable import Trainable
from mosaickd_tf.utils.images import to_uint8


class CompressedStudentTrainer(Trainable):
    """A tf_keras student that learns from the teacher; see `training.trainable.Trainable`.

    A round updates the student as often, and on the same kind of images, as a round of the run's
    method. Teacher and generator are those of the run and are not trained.

    Args:
        model: tf_keras model from float images in [0, 255] to logits, wrapped for compression or
            not; it is trained in place.
        distiller: the run's `Distiller`, which provides teacher, images and temperature.
        learning_rate: positive peak of the schedule.
        rounds: number of rounds of the whole training, at least 1.
        updates_per_round: updates of the student in a round.
        after_update: function without arguments to call after each update, in a graph, or None.
    """

    def __init__(
        self, model, distiller, *, learning_rate, rounds, updates_per_round, after_update=None
    ):
        self.model = model
        self.distiller = distiller
        self.updates_per_round = updates_per_round
        self.after_update = after_update
        self.loss = keras.metrics.Mean(name="distillation_loss")
        optimizers = tf_keras_module().optimizers
        schedule = optimizers.schedules.CosineDecay(learning_rate, rounds * updates_per_round)
        self.optimizer = optimizers.Adam(schedule)
        self.optimizer.build(model.trainable_variables)
        self._round = None

    def make_train_function(self, force=False):
        """Compiles a round; see `Trainable.make_train_function`."""
        if force or self._round is None:
            self._round = tf.function(self._train_round, autograph=False)

    def train_function(self, iterator):
        """Trains a round; see `Trainable.train_function`.

        The mean is that of the last update of each round. It is computed outside of the graph:
        further operations in it would change how TensorFlow rounds.
        """
        self.loss.update_state(self._round(next(iterator)))
        return {"distillation_loss": self.loss.result()}

    def reset_metrics(self):
        """Resets the mean of the loss."""
        self.loss.reset_state()

    def state(self):
        """Returns what a checkpoint holds; see `Trainable.state`.

        Variables are listed one by one: masks, centroids and ranges belong to wrappers that do not
        make all of them attributes.
        """
        return {
            "student": list(self.model.variables),
            "optimizer": list(self.optimizer.variables),
            "distiller": _changed_by_images(self.distiller),
            "means": self.loss.variables,
        }

    def _train_round(self, batch):
        for k in range(self.updates_per_round):  # unrolled: a Python int
            loss = self._update(self.distiller.student_images(batch, k))
        self.distiller.rounds_completed.assign_add(1)
        return loss

    def _update(self, unit_images):
        distiller = self.distiller
        teacher_logits = distiller.teacher(unit_images, training=False)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(unit_images * 255.0, training=True)
            loss = distiller.task.distillation_loss(teacher_logits, logits, distiller.temperature)
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        if self.after_update:
            self.after_update()
        return loss


def fine_tune(trainer, batches, plan, folder, name=""):
    """Trains a compressed student, from its last checkpoint on if there is one.

    The distiller is left as it was, also after an interruption.

    Args:
        trainer: a `CompressedStudentTrainer`.
        batches: function of a round's number that returns the run's batches from that round on.
        plan: a `Plan`.
        folder: where checkpoints and metrics are written.
        name: of the training on the terminal and in the log.

    Returns:
        The seconds of training in earlier processes.

    Raises:
        RunError: when loss or weights are no longer finite.
        Interrupted: by SIGINT or SIGTERM, after a checkpoint.
    """
    first_round = int(trainer.distiller.rounds_completed)
    with restored_distiller(trainer.distiller):
        loop = TrainingLoop(
            trainer, lambda number: batches(first_round + number), plan, folder, name=name
        )
        seconds = loop.progress.seconds
        loop.run()
    return seconds


def student_images(distiller, batch):
    """Returns the images of the student's first update of a round, uint8 `(n, h, w, c)`."""
    with restored_distiller(distiller):
        return to_uint8(distiller.student_images(batch, 0))


@contextlib.contextmanager
def restored_distiller(distiller):
    """Restores at the end of a block what drawing images changes in a distiller."""
    changed = _changed_by_images(distiller)
    before = [variable.numpy() for variable in changed]
    try:
        yield
    finally:
        for variable, value in zip(changed, before, strict=True):
            variable.assign(value)


def _changed_by_images(distiller):
    """Returns the number of the round, the generator's statistics and the like, as a list."""
    fixed = {id(variable) for variable in distiller.teacher.variables}
    return [v for v in distiller.non_trainable_variables if id(v) not in fixed]
