"""Recipes: settings of many options at once, for a training of days or of an hour."""

import dataclasses
import logging
import math

import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.config import OptimizationConfig, assignment, with_options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.activations import normalizations
from mosaickd_tf.pipeline.students import is_student_file

logger = logging.getLogger(__name__)

SHORT_BATCH_SIZE = 32  # at most, where it is left to the program
_LARGEST_MAP = 56  # pixels a side of a student's first feature map
_MOST_BYTES = 2**28  # of the images that are kept for the student
_MOST_IMAGES = 16384
_STATISTICS_WEIGHT = 70.0  # of the mean over layers


def with_recipe(config, teacher, rounds_are_open):
    """Returns a config with the settings of its recipe, whose name it then says.

    Args:
        config: a `DistillConfig` that knows the shape of its images.
        teacher: Keras model from unit images to logits.
        rounds_are_open: whether the number of rounds is left to the program.

    Raises:
        RequestError: for the short recipe with a method or a teacher that it is not for.
    """
    name, num_norms = config.optimization.recipe, len(normalizations(teacher))
    fits = config.method.method == "mosaic" and num_norms
    if name == "auto":
        has_gpu = bool(tf.config.list_physical_devices("GPU"))
        name = "short" if fits and rounds_are_open and not has_gpu else "paper"
    elif name == "short" and not fits:
        raise RequestError(
            "The short recipe compares BatchNormalization statistics of the teacher. Expected "
            "`method`=mosaic and a `teacher` with BatchNormalization. Received: "
            f"`method`={config.method.method}, {num_norms} such layers. Set "
            "`recipe`=paper"
        )
    config = with_options(config, optimization={"recipe": name})
    if name == "paper":
        return config
    changes = {}
    for section, values in _short(config, num_norms).items():
        present = config.methods.get(section) or getattr(config, section)
        changes[section] = _of_defaults(present, values)
    flags = [f"--{assignment(*pair)}" for values in changes.values() for pair in values.items()]
    logger.info("recipe short: %s (`recipe`)", " ".join(flags) or "nothing left at its default")
    return with_options(config, **changes)


def _short(config, num_norms):
    """Returns the settings of the short recipe, dicts from fields to values by section.

    A generator that matches the statistics which the teacher stores, without an adversary, learns
    what its training images were like in some hundred small batches; the student follows on the
    images that it has made.

    Args:
        config: a `DistillConfig`.
        num_norms: number of BatchNormalization layers of the teacher, over which the term of the
            statistics is a sum.
    """
    height, width, channels = config.data.image_shape
    return {
        "statistics": {
            "statistics_weight": round(_STATISTICS_WEIGHT / num_norms, 3),
            "statistics_distance": "kl",
        },
        "mosaic": {
            "local_weight": 0.004,  # about 1 of the mean over 256 patches
            "align_weight": 3.0,
            "adversarial_weight": 0.0,
            "transform_synthetic": True,
            "photometric_augmentation": not config.data.views,  # whose logits would be of no use
            "generator_warmup": 0.5,
            "replay_images": min(_MOST_IMAGES, _MOST_BYTES // (height * width * channels)),
        },
        "networks": {
            "generator_filters": 16,
            "discriminator_filters": 32,
            "student_stride": _student_stride(config),
        },
        "optimization": {"generator_learning_rate": 0.004} | _student_optimization(config),
    }


def _student_optimization(config):
    """Returns Adam and its rate, where neither rate nor momentum were chosen, for SGD."""
    defaults = OptimizationConfig()
    for name in ("student_learning_rate", "student_momentum"):
        if getattr(config.optimization, name) != getattr(defaults, name):
            return {}
    return {"student_optimizer": "adam", "student_learning_rate": 0.004}


def _student_stride(config):
    """Returns 1, 2 or 4: a student by name then starts with feature maps of 56 pixels or less."""
    name = config.networks.student
    if is_student_file(name) or not models.is_wide_resnet(name):
        return 0
    side = max(config.data.image_shape[:2])
    return min(4, 2 ** max(0, math.ceil(math.log2(side / _LARGEST_MAP))))


def _of_defaults(section, values):
    """Returns those of `values` that change an option which is at its default."""
    defaults = {field.name: field.default for field in dataclasses.fields(section)}
    return {
        name: value
        for name, value in values.items()
        if getattr(section, name) == defaults[name] != value
    }
