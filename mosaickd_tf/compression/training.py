"""The student, in whatever it is wrapped, goes on learning from the teacher."""

import contextlib
import math

import tensorflow as tf
from tqdm import tqdm

from mosaickd_tf import losses, models
from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.errors import Interrupted, RunError
from mosaickd_tf.utils.signals import SignalWatch


def tune(model, distiller, batches, *, rounds, learning_rate, after_update=None, name=""):
    """Plays rounds in which the student alone learns, on the images of the run's method.

    Generator and teacher are those of the run and stay as they are.

    Args:
        model: tf_keras model from float images in [0, 255] to logits; it is trained in place.
        distiller: the run's `Distiller`, which gives teacher, images and temperature.
        batches: from the number of a round to a stream of the run's batches from it on.
        rounds: how many, at least 1.
        learning_rate: positive peak of the schedule.
        after_update: a function of what is done to the model after each update, or None.
        name: what to call it on the terminal.

    Raises:
        RunError: when the loss is no longer finite.
        Interrupted: by SIGINT or SIGTERM; nothing is kept.
    """
    stream = iter(batches(int(distiller.rounds_played)))
    sample = next(stream)
    optimizer = _optimizer(model, learning_rate, updates(rounds, sample))
    play = _round(model, optimizer, distiller, after_update, sample)
    bar = tqdm(total=rounds, desc=name, unit="round", disable=None, leave=False)
    with as_found(distiller), bar, SignalWatch() as watch:
        for number in range(rounds):
            loss = float(play(sample if number == 0 else next(stream)))
            if not math.isfinite(loss):
                raise RunError(
                    f"The distillation loss of {name} became {loss} in round {number}. Expected a "
                    "finite number. Lower --compression_learning_rate, for a pruned student "
                    "--pruning_learning_rate"
                )
            bar.update()
            bar.set_postfix_str(f"distillation_loss {loss:.3g}")
            if watch.signal:
                raise Interrupted(watch.signal)


def updates(rounds, batch):
    """How often `tune` updates the student in so many rounds of such batches."""
    return rounds * batch["transfer_images"].shape[1]


def _optimizer(model, learning_rate, num_updates):
    optimizers = tf_keras_module().optimizers
    optimizer = optimizers.Adam(optimizers.schedules.CosineDecay(learning_rate, num_updates))
    optimizer.build(model.trainable_variables)
    return optimizer


def _round(model, optimizer, distiller, after_update, sample):
    def update(unit_images):
        teacher_logits, _ = distiller.teacher_capture(unit_images)
        with tf.GradientTape() as tape:
            logits = model(unit_images * 255.0, training=True)
            loss = losses.distillation_loss(teacher_logits, logits, distiller.temperature)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        if after_update:
            after_update()
        return loss

    @tf.function(autograph=False)
    def play(batch):
        for k in range(sample["transfer_images"].shape[1]):  # unrolled: a Python int
            loss = update(distiller.student_batch(batch, k))
        distiller.rounds_played.assign_add(1)
        return loss

    return play


def images(distiller, batch):
    """What the student sees in its first update of a round, uint8 `(n, height, width, c)`."""
    with as_found(distiller):
        return models.as_bytes(distiller.student_batch(batch, 0))


@contextlib.contextmanager
def as_found(distiller):
    """Brings back what drawing images moves: the clock, statistics of the generator, memories."""
    fixed = {id(variable) for variable in distiller.teacher.variables}
    moved = [v for v in distiller.non_trainable_variables if id(v) not in fixed]
    before = [variable.numpy() for variable in moved]
    try:
        yield
    finally:
        for variable, value in zip(moved, before, strict=True):
            variable.assign(value)
