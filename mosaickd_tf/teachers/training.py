"""A teacher by plain `fit`."""

import logging
import math
import pathlib
import time

import keras

from mosaickd_tf import evaluation, models, teachers
from mosaickd_tf.data import streams
from mosaickd_tf.errors import Interrupted, RequestError, RunError
from mosaickd_tf.training.checkpoints import Checkpoints, NotFinite
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD
from mosaickd_tf.utils import files, machine
from mosaickd_tf.utils.signals import SignalWatch

logger = logging.getLogger(__name__)

_SECONDS_APART = 5  # at least, between the checkpoints of two epochs; epochs can be shorter


def train_teacher(config, target, folder):
    """Trains a classifier on the target data by plain `fit`, or takes up a finished one.

    Leaves `teacher.keras` (built-in layers, float32), `teacher.json` (label names, input
    statistics, accuracies) and `checkpoints/` in the folder; goes on from the
    last checkpoint.

    Args:
        config: a `TeacherTrainingConfig`.
        target: `TargetData` with a training part.
        folder: where the teacher is kept.

    Returns:
        The teacher, a float32 Keras model of unit images to logits.

    Raises:
        RequestError: for an unknown network or a target without a training part.
        RunError: when its numbers are no longer finite.
        Interrupted: by a signal, after a checkpoint.
    """
    folder = pathlib.Path(folder)
    path = folder / "teacher.keras"
    if _is_finished(path):
        return keras.saving.load_model(path)
    check_trainable(config, target)
    keras.utils.set_random_seed(config.run.seed)
    teacher = untrained_teacher(config, target)
    learner = models.training_copy(teacher, machine.resolve_precision(config.run.precision))
    _fit(learner, config, target.train, folder)
    teacher.set_weights(learner.get_weights())
    with files.atomic_write(path) as partial:
        teacher.save(partial)
    facts = _facts(teacher, config, target) | {"sha256": files.sha256(path)}
    files.write_json(folder / "teacher.json", facts)
    return teacher


def _is_finished(path):
    """Whether a teacher is there as it was written; one that has changed since is said."""
    facts = files.read_kept_json(path.with_suffix(".json"))
    if not path.is_file() or facts is None:
        return False
    if facts.get("sha256") == files.sha256(path):
        return True
    logger.warning("%s is broken and is made again from its last checkpoint", path)
    return False


def untrained_teacher(config, target):
    """The teacher's network with fresh weights, and the statistics asked for or measured."""
    mean, std = teachers.statistics(config, target)
    return models.build_classifier(
        config.teacher.teacher,
        num_classes=len(target.label_names),
        input_shape=target.train.images.shape[1:],
        mean=mean,
        std=std,
    )


def check_trainable(config, target):
    """Raises `RequestError` unless the teacher's network is known and has data to learn from."""
    models.check_classifier_name(config.teacher.teacher)
    if target is None or target.train is None:
        raise RequestError(
            "A teacher by name is trained on the target data. Expected a --target_dataset with a "
            f"training part (train/ and test/). Received: {config.data.target_dataset!r}. Name "
            "such data, or a teacher's file"
        )


def _compile(learner, config, steps):
    """Sets loss and optimizer of the teacher's training; returns the latter."""
    options = config.teacher
    rate = CosineOverRounds(options.teacher_learning_rate, options.teacher_epochs * steps)
    optimizer = MomentumSGD(rate, l2=options.teacher_weight_decay)
    if models.computes_in_float16(learner):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(learner.trainable_variables)
    learner.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=machine.compiles_with_xla(config.run.jit_compile),
    )
    return optimizer


def _fit(learner, config, train, folder):
    options = config.teacher
    batch_size = min(options.teacher_batch_size, len(train))
    steps = len(train) // batch_size
    optimizer = _compile(learner, config, steps)
    checkpoints = Checkpoints(folder / "checkpoints", {"teacher": learner, "optimizer": optimizer})
    done = (checkpoints.restore() or {"step": 0})["step"]
    if done:
        logger.info(
            "teacher: going on from step %d of %d, in epoch %d of %d",
            done,
            steps * options.teacher_epochs,
            min(done // steps + 1, options.teacher_epochs),
            options.teacher_epochs,
        )

    def play(start, epochs):
        batches = streams.labelled(
            train,
            batch_size=batch_size,
            augmentation=options.teacher_augmentation,
            seed=config.run.seed,
            start_step=start,
        )
        learner.fit(
            batches,
            steps_per_epoch=steps - start % steps,
            epochs=epochs,
            initial_epoch=start // steps,
            shuffle=False,
            verbose=0,
            callbacks=[keeper],
        )

    with SignalWatch() as watch:
        keeper = _Keeper(checkpoints, watch, config, steps, done)
        whole_epochs = -(-done // steps)
        if done % steps:
            play(done, whole_epochs)  # the rest of an epoch that was left inside
        play(whole_epochs * steps, options.teacher_epochs)


class _Keeper(keras.callbacks.Callback):
    """Saves after epochs and between two when it is time, says how it goes, stops on a signal."""

    def __init__(self, checkpoints, watch, config, steps, done):
        super().__init__()
        self._checkpoints, self._watch = checkpoints, watch
        self._epochs, self._steps = config.teacher.teacher_epochs, steps
        self._seconds = 60 * config.run.checkpoint_minutes or math.inf
        self._done, self._saved = done, (done, time.monotonic())

    def on_train_batch_end(self, batch, logs=None):
        self._done += 1
        if self._watch.signal or (self._is_time(self._seconds) and self._done % self._steps):
            self._save()
        if self._watch.signal:
            raise Interrupted(self._watch.signal)

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise self._diverged(f"its loss became {logs['loss']}")
        done = epoch + 1
        if done == self._epochs or self._watch.signal or self._is_time(_SECONDS_APART):
            self._save()
        if done % max(1, self._epochs // 10) == 0 or done == self._epochs:
            logger.info(
                "teacher: epoch %d of %d  loss %.4f  accuracy %.4f",
                done,
                self._epochs,
                logs["loss"],
                logs["accuracy"],
            )
        if self._watch.signal:
            raise Interrupted(self._watch.signal)

    def _is_time(self, seconds):
        """Whether so many seconds have passed since the last checkpoint."""
        return time.monotonic() - self._saved[1] >= seconds

    def _save(self):
        try:
            self._checkpoints.save({"step": self._done})
        except NotFinite as found:
            raise self._diverged(f"numbers in the {found} are not finite") from found
        self._saved = self._done, time.monotonic()

    def _diverged(self, words):
        epoch = -(-self._done // self._steps)
        return RunError(
            f"The teacher went wrong in epoch {epoch} of {self._epochs}: {words}. The checkpoint "
            f"of step {self._saved[0]} is intact; lower --teacher_learning_rate in another folder"
        )


def _facts(teacher, config, target):
    parts = {"validation": target.validation, "test": target.test}
    mean, std = teachers.statistics(config, target)
    return {
        "name": config.teacher.teacher,
        "label_names": list(target.label_names),
        "input_shape": list(teacher.input_shape[1:]),
        "mean": mean,
        "std": std,
        "dataset": config.data.target_dataset,
        "seed": config.run.seed,
        "epochs": config.teacher.teacher_epochs,
    } | {
        f"{name}_accuracy": None
        if part is None
        else evaluation.top_k_accuracy(evaluation.predict_logits(teacher, part.images), part.labels)
        for name, part in parts.items()
    }
