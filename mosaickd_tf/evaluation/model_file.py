"""Evaluation of a model file on a labeled data set."""

import dataclasses
import logging

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.evaluation import plausibility
from mosaickd_tf.models.graph.output_activation import output_activation
from mosaickd_tf.tasks import get_task
from mosaickd_tf.tasks.output_kind import kind_of_values

_NUM_PROBES = 32  # images of noise, on which it is told what the outputs are

logger = logging.getLogger(__name__)


def evaluate_file(config, teacher=None, model=None):
    """Evaluates a .keras or .tflite classifier on the test split of a data set.

    The validation split takes the place of a test split that a data set does not have.

    Args:
        config: an `EvaluationConfig`; its `teacher` only names the teacher in errors.
        teacher: Keras model from unit images to logits to compare with, or None.
        model: `KerasModel` or `TfliteModel` of the file, or None to open it as one of this package.

    Returns:
        A dict with `model`, `images` (their number), `broken_images` (skipped), `accuracy`,
        `top5_accuracy` and other metrics of the task, `agreement` (with the teacher, or None), and
        `per_class` accuracies by label name; `suggested_labels`, names in the order of the outputs,
        where that order would fit far better.

    Raises:
        RequestError: for a model, a data set and a teacher that do not fit together.
    """
    model = model or evaluation.open_model(config.model)
    config = dataclasses.replace(config, task=_task(config, model))
    task = get_task(config.task)
    classes = _num_labels(model)
    test, broken = _test_split(config, model.image_shape, classes)
    outputs = model.predict(test.images)
    kind = "probabilities" if task.looks_like_probabilities(outputs) else "logits"
    classes = outputs.shape[-1]
    if classes != len(test.label_names):
        raise RequestError(
            "`model` and `target_dataset` do not fit. Expected the "
            f"{len(test.label_names)} classes of {config.target_dataset}. Received: {classes} "
            f"classes in {config.model!r}. Choose the data set of this model"
        )
    agreement = None
    if teacher is not None:
        received = (*teacher.input_shape[1:], teacher.output_shape[-1])
        if received != (*model.image_shape, classes):
            raise RequestError(
                f"`teacher` and `model` do not fit. Expected images of {model.image_shape} and "
                f"{classes} classes. Received: {received[:3]} and {received[3]} in "
                f"{config.teacher!r}. Choose the teacher of this model"
            )
        logits = evaluation.predict_logits(teacher, test.images)
        agreement = task.agreement(outputs, logits, kind)
    suggested = _warn(outputs, test, task, named=bool(config.labels))
    shares = task.per_label_accuracy(outputs, test.labels, kind)
    return {
        "model": config.model,
        "images": len(test),
        "broken_images": [dataclasses.asdict(fault) for fault in broken],
        **task.metrics(outputs, test.labels, kind),
        "agreement": agreement,
        "per_class": dict(zip(test.label_names, shares, strict=True)),
    } | suggested


def _warn(outputs, test, task, named):
    """Logs what is implausible; returns the order of labels that would fit, if another one does."""
    if task.label_rank != 1:
        return {}
    predicted = task.predictions(outputs)
    found = plausibility.examine(predicted, test.labels, outputs.shape[-1], named)
    if line := plausibility.warning(found, test.label_names, "model", "`model_input`"):
        logger.warning("%s", line)
    if not (found and found.order):
        return {}
    return {"suggested_labels": [test.label_names[number] for number in found.order]}


def _task(config, model):
    """Returns the name of the task: the requested one, else as the model's outputs tell."""
    if config.task != "auto":
        return config.task
    rng = np.random.default_rng(0)
    outputs = model.predict(rng.integers(0, 256, (_NUM_PROBES, *model.image_shape), np.uint8))
    if outputs.shape[-1] == 1:
        return "multi_label"
    kind = ""
    if hasattr(model, "model"):
        kind = output_activation(model.model)
    kind = kind if kind in ("softmax", "sigmoid", "linear") else kind_of_values(outputs)
    if not kind:
        raise RequestError(
            "The task of the model cannot be told by its outputs. Expected `task` as single_label "
            f"or multi_label. Received: task=auto for {config.model!r}. Say which"
        )
    return "multi_label" if kind == "sigmoid" else "single_label"


def _num_labels(model):
    probe = np.zeros((1, *model.image_shape), np.uint8)
    return model.predict(probe).shape[-1]


def _test_split(config, image_shape, num_labels):
    height, width, channels = image_shape
    if not (height and width) or channels not in (1, 3):
        raise RequestError(
            "`model` has an unsupported image shape. Expected images of 1 or 3 channels. "
            f"Received: {image_shape} in {config.model!r}. Choose another one"
        )
    data = DataConfig(
        target_dataset=config.target_dataset,
        data_dir=config.data_dir,
        image_size=(height, width),
        channels=channels,
        validation_fraction=0.0,
        max_broken=config.max_broken,
        task=config.task,
        labels=config.labels,
    )
    target = loading.load_target(data, training=False, num_labels=num_labels)
    test = target.test if target.test is not None else target.validation
    if test is None:
        raise RequestError(
            "`target_dataset` has no test split. Expected a data set that has one, or a validation "
            f"split. Received: target_dataset={config.target_dataset!r}. Name the folder of one "
            "split, or another data set"
        )
    if target.test is None:
        logger.info("evaluating on the validation split, as there is no test split")
    return test, target.broken
