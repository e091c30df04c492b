"""Wide residual networks (Zagoruyko and Komodakis, 2016) for small images."""

import keras
from keras import layers

from mosaickd_tf.models import blocks

STAGES = ((16, 1), (32, 2), (64, 2))  # filters before widening, stride of the first block


def wide_resnet(
    depth,
    widen_factor,
    *,
    num_classes,
    input_shape=(32, 32, 3),
    mean=None,
    std=None,
    stem_stride=1,
    name=None,
):
    """Builds a WRN-`depth`-`widen_factor` classifier.

    Args:
        depth: `6n + 4` with n at least 1.
        widen_factor: at least 1; multiplies the filters of the three stages.
        num_classes: at least 2.
        input_shape: `(height, width, channels)` of the unit images, at least 4x4 pixels.
        mean: mean of each channel, for the built-in standardization; 0.5 by default.
        std: standard deviation of each channel; 0.25 by default.
        stem_stride: stride of the first convolution, at least 1; 2 for a quarter of the cost.
        name: name of the model.

    Returns:
        A functional model from `(batch, height, width, channels)` in [0, 1] to
        `(batch, num_classes)` logits.

    Raises:
        ValueError: for a depth that is not `6n + 4` or a width below 1.
        RequestError: for images that are too small.

    Reference:
        - [Zagoruyko and Komodakis, 2016](https://arxiv.org/abs/1605.07146)
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"`depth` must be 6n + 4 with n >= 1. Received: depth={depth}")
    if widen_factor < 1:
        raise ValueError(f"`widen_factor` must be at least 1. Received: {widen_factor}")
    inputs, hidden = blocks.normalized_input(input_shape, mean, std, smallest=4)
    hidden = blocks.convolve(hidden, 16, "stem", blocks.fan_out_normal, stride=stem_stride)
    for stage, (filters, stride) in enumerate(STAGES, start=1):
        for block in range((depth - 4) // 6):
            hidden = _block(
                hidden,
                filters * widen_factor,
                stride if block == 0 else 1,
                f"stage{stage}_block{block + 1}",
            )
    features = blocks.global_average_pool(blocks.norm_relu(hidden, "head"))
    logits = blocks.logits(features, num_classes, blocks.torch_uniform())
    return keras.Model(inputs, logits, name=name or f"wrn{depth}_{widen_factor}")


def _block(hidden, filters, stride, name):
    """Adds a pre-activation block; the projection, if any, reads the activated input."""
    start = blocks.fan_out_normal
    activated = blocks.norm_relu(hidden, f"{name}_1")
    shortcut = hidden
    if hidden.shape[-1] != filters:
        shortcut = blocks.convolve(
            activated, filters, f"{name}_project", start, size=1, stride=stride
        )
    residual = blocks.convolve(activated, filters, f"{name}_conv1", start, stride=stride)
    residual = blocks.norm_relu(residual, f"{name}_2")
    residual = blocks.convolve(residual, filters, f"{name}_conv2", start)
    return layers.Add(name=f"{name}_add")([shortcut, residual])
