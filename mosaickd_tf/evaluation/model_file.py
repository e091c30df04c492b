"""A model file against a labelled data set."""

import dataclasses

from mosaickd_tf import evaluation, models
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.errors import RequestError


def evaluate_file(config):
    """Runs a .keras or .tflite classifier on the test part of a data set.

    Args:
        config: an `EvaluationConfig`.

    Returns:
        A dict with `model`, `images` (how many), `broken_images` (skipped), `accuracy`,
        `top5_accuracy`, `agreement` (with the teacher, or None), and `per_class` accuracies by
        label name.

    Raises:
        RequestError: when model and data do not fit.
    """
    model = evaluation.open_model(config.model)
    test, broken = _test_part(config, model.image_shape)
    outputs = model.predict(test.images)
    classes = outputs.shape[-1]
    if classes != len(test.label_names):
        raise RequestError(
            f"Model and data do not fit. Expected the {len(test.label_names)} classes of "
            f"--target_dataset={config.target_dataset}. Received: {classes} classes in "
            f"--model={config.model!r}. Name the data that the model was made for"
        )
    agreement = None
    if config.teacher:
        expected = datasets.teacher_input(config.teacher_input)
        teacher = models.load_teacher(config.teacher, expected)
        received = (*teacher.input_shape[1:], teacher.output_shape[-1])
        if received != (*model.image_shape, classes):
            raise RequestError(
                f"Teacher and model do not fit. Expected images of {model.image_shape} and "
                f"{classes} classes. Received: {received[:3]} and {received[3]} in "
                f"--teacher={config.teacher!r}. Name the teacher of this model"
            )
        agreement = evaluation.agreement(outputs, evaluation.predict_logits(teacher, test.images))
    shares = evaluation.per_class_accuracy(outputs, test.labels)
    return {
        "model": config.model,
        "images": len(test),
        "broken_images": [dataclasses.asdict(fault) for fault in broken],
        "accuracy": evaluation.top_k_accuracy(outputs, test.labels),
        "top5_accuracy": evaluation.top_k_accuracy(outputs, test.labels, k=5),
        "agreement": agreement,
        "per_class": dict(zip(test.label_names, shares, strict=True)),
    }


def _test_part(config, image_shape):
    height, width, channels = image_shape
    if height != width or channels not in (1, 3):
        raise RequestError(
            "Not such a model. Expected one of square images of 1 or 3 channels. Received: "
            f"{image_shape} in --model={config.model!r}. Name another"
        )
    data = DataConfig(
        target_dataset=config.target_dataset,
        data_dir=config.data_dir,
        image_size=height,
        channels=channels,
        validation_fraction=0.0,
        max_broken=config.max_broken,
    )
    target = loading.load_target(data, training=False)
    if target.test is None:
        raise RequestError(
            "No test part. Expected a data set that has one. Received: "
            f"--target_dataset={config.target_dataset!r}. Name another"
        )
    return target.test, target.broken
