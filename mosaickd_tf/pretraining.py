"""A teacher by plain `fit`."""

import logging
import pathlib

import keras

from mosaickd_tf import evaluation, files, machine, models, teachers
from mosaickd_tf.checkpoints import Checkpoints
from mosaickd_tf.data import pipelines
from mosaickd_tf.errors import Interrupted, RequestError
from mosaickd_tf.optimizers import CosineOverRounds, MomentumSGD
from mosaickd_tf.signals import SignalWatch

logger = logging.getLogger(__name__)


def train_teacher(config, target, folder):
    """Trains a classifier on the target data by plain `fit`, or takes up a finished one.

    Leaves `teacher.keras` (built-in layers, float32), `teacher.json` (label names, input
    statistics, accuracies) and `checkpoints/` in the folder; goes on from the last epoch.

    Args:
        config: a `TeacherTrainingConfig`.
        target: `TargetData` with a training part.
        folder: where the teacher is kept.

    Returns:
        The teacher, a float32 Keras model of unit images to logits.

    Raises:
        RequestError: for an unknown network or a target without a training part.
        Interrupted: by a signal; the last finished epoch is kept.
    """
    folder = pathlib.Path(folder)
    path = folder / "teacher.keras"
    if path.is_file():
        return keras.saving.load_model(path)
    check_trainable(config, target)
    keras.utils.set_random_seed(config.run.seed)
    teacher = untrained_teacher(config, target)
    learner = models.fast_copy(teacher, machine.resolve_precision(config.run.precision))
    _fit(learner, config, target.train, folder)
    teacher.set_weights(learner.get_weights())
    files.write_json(folder / "teacher.json", _facts(teacher, config, target))
    with files.whole(path) as partial:
        teacher.save(partial)
    return teacher


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


def _fit(learner, config, train, folder):
    options = config.teacher
    batch_size = min(options.teacher_batch_size, len(train))
    steps = len(train) // batch_size
    rate = CosineOverRounds(options.teacher_learning_rate, options.teacher_epochs * steps)
    optimizer = MomentumSGD(rate, l2=options.teacher_weight_decay)
    optimizer.build(learner.trainable_variables)
    learner.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    checkpoints = Checkpoints(folder / "checkpoints", {"teacher": learner, "optimizer": optimizer})
    epoch = (checkpoints.restore() or {"step": 0})["step"]
    if epoch:
        logger.info("teacher: going on from epoch %d of %d", epoch, options.teacher_epochs)
    batches = pipelines.labelled(
        train,
        batch_size=batch_size,
        augmentation=options.teacher_augmentation,
        seed=config.run.seed,
        start_step=epoch * steps,
    )
    with SignalWatch() as watch:
        learner.fit(
            batches,
            steps_per_epoch=steps,
            epochs=options.teacher_epochs,
            initial_epoch=epoch,
            shuffle=False,
            verbose=0,
            callbacks=[_Keeper(checkpoints, watch, options.teacher_epochs)],
        )


class _Keeper(keras.callbacks.Callback):
    """Saves each epoch, says how it goes ten times in all, stops on a signal."""

    def __init__(self, checkpoints, watch, epochs):
        super().__init__()
        self._checkpoints, self._watch, self._epochs = checkpoints, watch, epochs

    def on_train_batch_end(self, batch, logs=None):
        if self._watch.signal:
            raise Interrupted(self._watch.signal)

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        self._checkpoints.save({"step": done})
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
