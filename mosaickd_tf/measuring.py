"""A model file against a labelled data set."""

import dataclasses

from mosaickd_tf import evaluation, models
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.errors import RequestError


def measure(config):
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
            f"The model must have the {len(test.label_names)} classes of "
            f"{config.target_dataset}. Received: {classes} in {config.model!r}"
        )
    agreement = None
    if config.teacher:
        expected = datasets.teacher_input(config.teacher_input)
        teacher = models.load_teacher(config.teacher, expected)
        received = (*teacher.input_shape[1:], teacher.output_shape[-1])
        if received != (*model.image_shape, classes):
            raise RequestError(
                f"The teacher must take images of {model.image_shape} and have {classes} classes. "
                f"Received: {received[:3]} and {received[3]} in {config.teacher!r}"
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
        raise RequestError(f"Expected a model of square images. Received: {image_shape}")
    data = DataConfig(
        target_dataset=config.target_dataset,
        data_dir=config.data_dir,
        image_size=height,
        channels=channels,
        validation_fraction=0.0,
        max_broken=config.max_broken,
    )
    target = loading.load_target(data)
    if target.test is None:
        raise RequestError(
            f"Expected a data set with a test part. Received: {config.target_dataset!r} without"
        )
    return target.test, target.broken
