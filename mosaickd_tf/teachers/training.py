"""Supervised training of a teacher on the target data."""

import logging
import pathlib

import keras
import tensorflow as tf

from mosaickd_tf import evaluation, models, teachers
from mosaickd_tf.data import streams
from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import get_task
from mosaickd_tf.training import Plan, TrainingLoop
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD
from mosaickd_tf.training.plan import evaluation_interval
from mosaickd_tf.training.trainable import Trainable
from mosaickd_tf.utils import files, machine

logger = logging.getLogger(__name__)


def train_teacher(config, target, folder, teacher=None):
    """Trains a classifier on the target data, or loads one that is finished.

    Writes `teacher.keras` (built-in layers, float32), `teacher.json` (label names, input
    statistics, accuracies), `checkpoints/`, `metrics.jsonl` and `tensorboard/` into the folder.
    Resumes from the last checkpoint.

    Args:
        config: a `TeacherTrainingConfig`.
        target: `TargetData` with a training split.
        folder: of the teacher.
        teacher: the network, as `untrained_teacher` builds it, which it does if left out; trained
            in place.

    Returns:
        The teacher, a float32 Keras model of unit images to logits.

    Raises:
        RequestError: for an unknown network or a target without a training split.
        RunError: when loss or weights are no longer finite.
        Interrupted: by a signal, after a checkpoint.
    """
    folder = pathlib.Path(folder)
    path = folder / "teacher.keras"
    if _is_finished(path):
        return keras.saving.load_model(path)
    if teacher is None:
        teacher = untrained_teacher(config, target)
    network = models.training_copy(teacher, machine.resolve_precision(config.run.precision))
    _train(network, config, target.train, folder)
    teacher.set_weights(network.get_weights())
    with files.atomic_write(path) as partial:
        teacher.save(partial)
    facts = _facts(teacher, config, target) | {"sha256": files.sha256(path)}
    files.write_json(folder / "teacher.json", facts)
    return teacher


def _is_finished(path):
    """Returns whether a teacher is there as it was written; logs one that has changed since."""
    facts = files.read_json_if_valid(path.with_suffix(".json"))
    if not path.is_file() or facts is None:
        return False
    if facts.get("sha256") == files.sha256(path):
        return True
    logger.warning("%s is broken and is restored from its last checkpoint", path)
    return False


def untrained_teacher(config, target):
    """Builds the teacher's network with the input statistics that are given or measured.

    Its initial weights are a function of the seed.

    Args:
        config: a config with the sections `teacher`, `data` and `run`.
        target: `TargetData`, or None.

    Raises:
        RequestError: as of `check_trainable`.
    """
    check_trainable(config, target)
    keras.utils.set_random_seed(config.run.seed)
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
            "A teacher by name is trained on the target data. Expected a `target_dataset` with a "
            f"training split (train/ and test/). Received: {config.data.target_dataset!r}. Name "
            "such data, or a teacher's file"
        )


class TeacherTrainer(keras.Model, Trainable):
    """A classifier that learns from labeled images; see `training.trainable.Trainable`.

    A round of the training loop is one update.

    Args:
        network: Keras model of unit images to logits, trained in place.
        optimizer: Keras optimizer.
        task: a `Task`.
        jit_compile: whether updates are compiled with XLA.
    """

    def __init__(self, network, optimizer, task, jit_compile=False):
        super().__init__(name="teacher")
        self.network = network
        self.optimizers = [optimizer]
        self.means = {
            "loss": keras.metrics.Mean(name="loss"),
            "accuracy": task.accuracy_metric(),
        }
        self.cross_entropy = task.supervised_loss()
        self.built = True
        optimizer.build(network.trainable_variables)
        # Keras would add an optimizer of its own.
        self.compile(optimizer=None, jit_compile=jit_compile)

    @property
    def metrics(self):
        """The means of a round's terms, which `reset_metrics` resets."""
        return list(self.means.values())

    def train_step(self, batch):
        """Updates the network on `(unit images, labels)`; returns the means of the terms."""
        unit_images, labels = batch
        (optimizer,) = self.optimizers
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.network(unit_images, training=True)
            loss = self.cross_entropy(labels, logits)
            scaled_loss = optimizer.scale_loss(loss)  # of float16; else the loss itself
        optimizer.apply(tape.gradient(scaled_loss, variables), variables)
        self.means["loss"].update_state(loss)
        self.means["accuracy"].update_state(labels, logits)
        return {name: mean.result() for name, mean in self.means.items()}

    def state(self):
        """Returns what a checkpoint holds; see `Trainable.state`."""
        means = {name: mean.variables for name, mean in self.means.items()}
        return {"teacher": self.network, "optimizer": self.optimizers[0], "means": means}


def _train(network, config, train, folder):
    """Trains a network by the training loop, to the end or to a signal."""
    options = config.teacher
    batch_size = min(options.teacher_batch_size, len(train))
    steps = len(train) // batch_size  # in an epoch
    num_steps = options.teacher_epochs * steps
    jit_compile = machine.compiles_with_xla(config.run.jit_compile)
    optimizer = _optimizer(network, options, num_steps)
    trainer = TeacherTrainer(network, optimizer, get_task(config.data.task), jit_compile)

    def batches(start_step):
        return streams.labeled(
            train,
            batch_size=batch_size,
            augmentation=options.teacher_augmentation,
            seed=config.run.seed,
            start_step=start_step,
        )

    TrainingLoop(
        trainer,
        batches,
        _plan(config, steps, batch_size),
        folder,
        evaluate=lambda step: {"epoch": step / steps},
        name="teacher",
        optional_state=("means",),
    ).run()


def _optimizer(network, options, num_steps):
    """Returns the published recipe's optimizer, with loss scaling for float16."""
    rate = CosineOverRounds(options.teacher_learning_rate, num_steps)
    optimizer = MomentumSGD(rate, l2=options.teacher_weight_decay)
    if models.computes_in_float16(network):
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _plan(config, steps, batch_size):
    """Returns the plan of a teacher's training, in steps; epochs are evaluated and saved whole."""
    epochs = config.teacher.teacher_epochs
    every = evaluation_interval(epochs) * steps
    return Plan(
        rounds=epochs * steps,
        evaluate_every=every,
        checkpoint_every=every,
        batch_size=batch_size,
        checkpoint_minutes=config.run.checkpoint_minutes,
        average_over=steps,
        unit="step",
        remedy="Lower `teacher_learning_rate` in another folder",
    )


def _facts(teacher, config, target):
    """Returns the content of `teacher.json` but the checksum."""
    mean, std = teachers.statistics(config, target)
    task = get_task(config.data.task)
    return {
        "name": config.teacher.teacher,
        "label_names": list(target.label_names),
        "input_shape": list(teacher.input_shape[1:]),
        "mean": mean,
        "std": std,
        "dataset": config.data.target_dataset,
        "seed": config.run.seed,
        "epochs": config.teacher.teacher_epochs,
        "validation_accuracy": _accuracy(teacher, target.validation, task),
        "test_accuracy": _accuracy(teacher, target.test, task),
    }


def _accuracy(teacher, images, task):
    """Returns the accuracy on an `ImageSet`, or None without one."""
    if images is None:
        return None
    logits = evaluation.predict_logits(teacher, images.images)
    return task.metrics(logits, images.labels)["accuracy"]
