"""Wide residual networks (Zagoruyko and Komodakis, 2016) for small images."""

import keras
from keras import layers

from mosaickd_tf.models import parts

STAGES = ((16, 1), (32, 2), (64, 2))  # filters before widening, stride of the first block


def wide_resnet(
    depth, widen_factor, *, num_classes, input_shape=(32, 32, 3), mean=None, std=None, name=None
):
    """Builds a WRN-`depth`-`widen_factor` classifier.

    Args:
        depth: `6n + 4` with n at least 1.
        widen_factor: at least 1; multiplies the filters of the three stages.
        num_classes: at least 2.
        input_shape: `(height, width, channels)` of the unit images.
        mean: mean of each channel, for the built-in standardisation; 0.5 by default.
        std: standard deviation of each channel; 0.25 by default.
        name: name of the model.

    Returns:
        A functional model from `(batch, height, width, channels)` in [0, 1] to
        `(batch, num_classes)` logits.

    Raises:
        ValueError: for a depth that is not `6n + 4` or a width below 1.

    Reference:
        - [Zagoruyko and Komodakis, 2016](https://arxiv.org/abs/1605.07146)
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"`depth` must be 6n + 4 with n >= 1. Received: depth={depth}")
    if widen_factor < 1:
        raise ValueError(f"`widen_factor` must be at least 1. Received: {widen_factor}")
    channels = input_shape[-1]
    inputs = keras.Input(input_shape, name="unit_images")
    hidden = parts.standardization(mean or [0.5] * channels, std or [0.25] * channels)(inputs)
    hidden = _convolve(hidden, 16, "stem")
    for stage, (filters, stride) in enumerate(STAGES, start=1):
        for block in range((depth - 4) // 6):
            hidden = _block(
                hidden,
                filters * widen_factor,
                stride if block == 0 else 1,
                f"stage{stage}_block{block + 1}",
            )
    hidden = _norm_relu(hidden, "head")
    hidden = layers.GlobalAveragePooling2D(name="features")(hidden)
    logits = layers.Dense(
        num_classes,
        kernel_initializer=parts.torch_uniform(),
        dtype="float32",  # logits stay float32 under every policy
        name="logits",
    )(hidden)
    return keras.Model(inputs, logits, name=name or f"wrn{depth}_{widen_factor}")


def _block(hidden, filters, stride, name):
    """Pre-activation block; the projection, where there is one, reads the activated input."""
    activated = _norm_relu(hidden, f"{name}_1")
    shortcut = hidden
    if hidden.shape[-1] != filters:
        shortcut = _convolve(activated, filters, f"{name}_project", size=1, stride=stride)
    residual = _convolve(activated, filters, f"{name}_conv1", stride=stride)
    residual = _norm_relu(residual, f"{name}_2")
    residual = _convolve(residual, filters, f"{name}_conv2")
    return layers.Add(name=f"{name}_add")([shortcut, residual])


def _norm_relu(hidden, name):
    hidden = layers.BatchNormalization(**parts.BATCH_NORM, name=f"{name}_norm")(hidden)
    return layers.ReLU(name=f"{name}_relu")(hidden)


def _convolve(hidden, filters, name, *, size=3, stride=1):
    padding = "same"
    if stride > 1:
        hidden, padding = parts.pad(hidden, size // 2), "valid"
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding=padding,
        use_bias=False,
        kernel_initializer=parts.fan_out_normal(),
        name=name,
    )(hidden)
