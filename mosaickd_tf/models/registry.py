"""Classifiers by name."""

import re

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.wide_resnet import wide_resnet

_WIDE_RESNET = re.compile(r"wrn(\d+)_(\d+)")


def classifier_names():
    """The names that `build_classifier` knows, for a person to read."""
    return ["wrnD_W (D = 6n + 4, for example wrn16_1 or wrn40_2)"]


def check_classifier_name(name):
    """Raises `RequestError` unless `name` is a classifier of this registry."""
    match = _WIDE_RESNET.fullmatch(name)
    if not match or int(match[1]) < 10 or (int(match[1]) - 4) % 6 or int(match[2]) < 1:
        raise RequestError(
            f"Unknown network. Expected one of: {', '.join(classifier_names())}. Received: {name!r}"
        )


def build_classifier(name, *, num_classes, input_shape=(32, 32, 3), mean=None, std=None):
    """Builds a classifier by name.

    Args:
        name: for example `"wrn16_1"`: depth 16, widened once.
        num_classes: at least 2.
        input_shape: `(height, width, channels)` of the unit images.
        mean: mean of each channel of unit images, for the built-in standardisation.
        std: standard deviation of each channel.

    Returns:
        A Keras model from unit images `(batch, height, width, channels)` to logits
        `(batch, num_classes)`.

    Raises:
        RequestError: for a name that is not known.
    """
    check_classifier_name(name)
    depth, widen_factor = map(int, _WIDE_RESNET.fullmatch(name).groups())
    return wide_resnet(
        depth,
        widen_factor,
        num_classes=num_classes,
        input_shape=input_shape,
        mean=mean,
        std=std,
    )
