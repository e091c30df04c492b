"""Residual networks (He et al., 2015) for small images."""

import keras
from keras import layers

from mosaickd_tf.models import blocks

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # of each stage, by depth
FILTERS = (64, 128, 256, 512)


def resnet(depth, *, num_classes, input_shape=(32, 32, 3), mean=None, std=None):
    """Builds a ResNet-`depth` whose stem is one 3x3 convolution without pooling.

    The last map has an eighth of the height and width of the images. Initializers are PyTorch's
    defaults, `U(±1/√fan_in)` for kernels and the bias of the logits, as in the official code.

    Args:
        depth: 18 or 34.
        num_classes: at least 2.
        input_shape: `(height, width, channels)` of the unit images, at least 8x8 pixels.
        mean: mean of each channel, for the built-in standardization; 0.5 by default.
        std: standard deviation of each channel; 0.25 by default.

    Returns:
        A functional model from `(batch, height, width, channels)` in [0, 1] to
        `(batch, num_classes)` logits.

    Raises:
        RequestError: for images that are too small.

    Reference:
        - [He et al., 2015](https://arxiv.org/abs/1512.03385)
    """
    inputs, hidden = blocks.normalized_input(input_shape, mean, std, smallest=8)
    hidden = blocks.convolve(hidden, FILTERS[0], "stem", blocks.torch_uniform)
    hidden = blocks.norm_relu(hidden, "stem")
    for stage, (filters, count) in enumerate(zip(FILTERS, BLOCKS[depth], strict=True), start=1):
        for block in range(1, count + 1):
            stride = 2 if block == 1 and stage > 1 else 1
            hidden = _block(hidden, filters, stride, f"stage{stage}_block{block}")
    bias = blocks.torch_uniform_bias(FILTERS[-1])
    logits = blocks.logits(
        blocks.global_average_pool(hidden), num_classes, blocks.torch_uniform(), bias
    )
    return keras.Model(inputs, logits, name=f"resnet{depth}")


def _block(hidden, filters, stride, name):
    """Adds two convolutions to a shortcut, which is a projection where the shape changes."""
    start = blocks.torch_uniform
    shortcut = hidden
    if stride > 1 or hidden.shape[-1] != filters:
        shortcut = blocks.convolve(hidden, filters, f"{name}_project", start, size=1, stride=stride)
        shortcut = blocks.norm(shortcut, f"{name}_project")
    residual = blocks.convolve(hidden, filters, f"{name}_conv1", start, stride=stride)
    residual = blocks.norm_relu(residual, f"{name}_1")
    residual = blocks.convolve(residual, filters, f"{name}_conv2", start)
    residual = blocks.norm(residual, f"{name}_2")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([shortcut, residual]))
