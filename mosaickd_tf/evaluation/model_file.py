"""Evaluation of a model file on a labeled data set."""

import dataclasses

from mosaickd_tf import evaluation
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import get_task


def evaluate_file(config, teacher=None, model=None):
    """Evaluates a .keras or .tflite classifier on the test split of a data set.

    Args:
        config: an `EvaluationConfig`; its `teacher` only names the teacher in errors.
        teacher: Keras model from unit images to logits to compare with, or None.
        model: `KerasModel` or `TfliteModel` of the file, or None to open it as one of this package.

    Returns:
        A dict with `model`, `images` (their number), `broken_images` (skipped), `accuracy`,
        `top5_accuracy` and other metrics of the task, `agreement` (with the teacher, or None), and
        `per_class` accuracies by label name.

    Raises:
        RequestError: for a model, a data set and a teacher that do not fit together.
    """
    task = get_task(config.task)
    model = model or evaluation.open_model(config.model)
    test, broken = _test_split(config, model.image_shape)
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
    shares = task.per_label_accuracy(outputs, test.labels, kind)
    return {
        "model": config.model,
        "images": len(test),
        "broken_images": [dataclasses.asdict(fault) for fault in broken],
        **task.metrics(outputs, test.labels, kind),
        "agreement": agreement,
        "per_class": dict(zip(test.label_names, shares, strict=True)),
    }


def _test_split(config, image_shape):
    height, width, channels = image_shape
    if height != width or channels not in (1, 3):
        raise RequestError(
            "`model` has an unsupported image shape. Expected square images of 1 or 3 channels. "
            f"Received: {image_shape} in {config.model!r}. Choose another one"
        )
    data = DataConfig(
        target_dataset=config.target_dataset,
        data_dir=config.data_dir,
        image_size=height,
        channels=channels,
        validation_fraction=0.0,
        max_broken=config.max_broken,
        task=config.task,
    )
    target = loading.load_target(data, training=False)
    if target.test is None:
        raise RequestError(
            "`target_dataset` has no test split. Expected a data set that has one. Received: "
            f"target_dataset={config.target_dataset!r}. Choose another one"
        )
    return target.test, target.broken
