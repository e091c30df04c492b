"""Registry of the classifiers of this package by name."""

import difflib
import functools
import re

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.mobilenet import mobilenet_v2, mobilenet_v3_small
from mosaickd_tf.models.resnet import resnet
from mosaickd_tf.models.vgg import vgg11_bn
from mosaickd_tf.models.wide_resnet import wide_resnet

_BUILDERS = {
    "resnet18": functools.partial(resnet, 18),
    "resnet34": functools.partial(resnet, 34),
    "vgg11_bn": vgg11_bn,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3_small": mobilenet_v3_small,
}
_WIDE_RESNET = re.compile(r"wrn(\d+)_(\d+)")
_USUAL_WIDE_RESNETS = ("wrn16_1", "wrn16_2", "wrn40_1", "wrn40_2")


def classifier_names():
    """Lists the names that `build_classifier` accepts, as text for users."""
    return ["wrnD_W (D = 6n + 4, for example wrn16_1 or wrn40_2)", *_BUILDERS]


def is_wide_resnet(name):
    """Checks whether a name is that of a wide residual network."""
    return _WIDE_RESNET.fullmatch(name) is not None


def check_classifier_name(name):
    """Checks that `name` is a classifier of this registry.

    Raises:
        RequestError: for an unknown name, with the closest known ones.
    """
    match = _WIDE_RESNET.fullmatch(name)
    if match and int(match[1]) >= 10 and (int(match[1]) - 4) % 6 == 0 and int(match[2]) >= 1:
        return
    if name not in _BUILDERS:
        near = difflib.get_close_matches(name.lower(), [*_USUAL_WIDE_RESNETS, *_BUILDERS])
        hint = f"Did you mean {' or '.join(near)}?" if near else "Choose one of them"
        raise RequestError(
            f"Unknown network. Expected one of: {', '.join(classifier_names())}. "
            f"Received: {name!r}. {hint}"
        )


def build_classifier(
    name, *, num_classes, input_shape=(32, 32, 3), mean=None, std=None, stem_stride=1
):
    """Builds a classifier by name.

    Args:
        name: for example `"wrn16_1"` (depth 16, widen factor 1) or `"resnet18"`.
        num_classes: at least 2.
        input_shape: `(height, width, channels)` of the unit images.
        mean: mean of each channel of unit images, for the built-in standardization.
        std: standard deviation of each channel.
        stem_stride: stride of the first convolution of a wide residual network; 1 for others.

    Returns:
        A Keras model from unit images `(batch, height, width, channels)` to logits
        `(batch, num_classes)`.

    Raises:
        RequestError: for an unknown name, images that are too small for the network, or a stride
            that it does not have.
    """
    check_classifier_name(name)
    builder = _BUILDERS.get(name)
    if builder is None:
        sizes = map(int, _WIDE_RESNET.fullmatch(name).groups())
        builder = functools.partial(wide_resnet, *sizes, stem_stride=stem_stride)
    elif stem_stride != 1:
        raise RequestError(
            "Only wide residual networks have a stride to set. Expected a network wrnD_W, or a "
            f"stride of 1. Received: {name!r} with a stride of {stem_stride}. Leave it out"
        )
    return builder(num_classes=num_classes, input_shape=input_shape, mean=mean, std=std)
