"""MobileNets (Sandler et al., 2018; Howard et al., 2019) for images of any size and small devices.

The published networks, and those of `keras.applications`, halve an image of 224 pixels five
times: one of 32 pixels would end as a single pixel. For images of up to 64 pixels a side the
first two halvings (the stem's and the next) are left out, as is usual for 32x32, so that the last
map has an eighth of the height and width of the images, as in ResNet. Strides have no weights: the
parameters are those of the published networks. There is no dropout: a distilled student needs none.
"""

import typing

import keras
from keras import layers

from mosaickd_tf.models import blocks


class Block(typing.NamedTuple):
    """Inverted residual block: expand, filter each channel, squeeze and excite, project."""

    kernel: int
    expanded: int
    filters: int
    squeeze: bool
    activation: str


_SMALL = 64  # pixels a side up to which the first two halvings are left out

# Expansion factor, filters and number of blocks. The blocks of a stage share one resolution.
_V2_STAGES = (
    ((1, 16, 1), (6, 24, 2)),
    ((6, 32, 3),),
    ((6, 64, 4), (6, 96, 3)),
    ((6, 160, 3), (6, 320, 1)),
)
_V3_SMALL_STAGES = (
    (Block(3, 16, 16, True, "relu"),),
    (Block(3, 72, 24, False, "relu"), Block(3, 88, 24, False, "relu")),
    (
        Block(5, 96, 40, True, "hard_silu"),
        Block(5, 240, 40, True, "hard_silu"),
        Block(5, 240, 40, True, "hard_silu"),
        Block(5, 120, 48, True, "hard_silu"),
        Block(5, 144, 48, True, "hard_silu"),
    ),
    (
        Block(5, 288, 96, True, "hard_silu"),
        Block(5, 576, 96, True, "hard_silu"),
        Block(5, 576, 96, True, "hard_silu"),
    ),
)


def mobilenet_v2(*, num_classes, input_shape=(32, 32, 3), mean=None, std=None):
    """Builds a MobileNetV2 of width 1; kernels are initialized normal with PyTorch's fan-out.

    Args:
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
        - [Sandler et al., 2018](https://arxiv.org/abs/1801.04381)
    """
    inputs, hidden = blocks.normalized_input(input_shape, mean, std, smallest=8)
    stride = 1 if max(input_shape[:2]) <= _SMALL else 2
    hidden = _convolve_norm(hidden, 32, "stem", "relu6", size=3, stride=stride)
    hidden = _stages(hidden, _v2_blocks(), {"stage1_block2": stride})
    features = blocks.global_average_pool(_convolve_norm(hidden, 1280, "head", "relu6"))
    logits = blocks.logits(features, num_classes, blocks.small_normal())
    return keras.Model(inputs, logits, name="mobilenet_v2")


def mobilenet_v3_small(*, num_classes, input_shape=(32, 32, 3), mean=None, std=None):
    """Builds a MobileNetV3-Small of width 1, with the arguments and result of `mobilenet_v2`.

    Reference:
        - [Howard et al., 2019](https://arxiv.org/abs/1905.02244)
    """
    inputs, hidden = blocks.normalized_input(input_shape, mean, std, smallest=8)
    stride = 1 if max(input_shape[:2]) <= _SMALL else 2
    hidden = _convolve_norm(hidden, 16, "stem", "hard_silu", size=3, stride=stride)
    hidden = _stages(hidden, _V3_SMALL_STAGES, {"stage1_block1": stride})
    features = blocks.global_average_pool(_convolve_norm(hidden, 576, "head", "hard_silu"))
    hidden = layers.Dense(1024, kernel_initializer=blocks.small_normal(), name="expand")(features)
    hidden = layers.Activation("hard_silu", name="expand_act")(hidden)
    logits = blocks.logits(hidden, num_classes, blocks.small_normal())
    return keras.Model(inputs, logits, name="mobilenet_v3_small")


def _v2_blocks():
    """Yields the stages of MobileNetV2 as lists of blocks, with channels for expansion factors."""
    channels = 32
    for rows in _V2_STAGES:
        blocks = []
        for expansion, filters, count in rows:
            for _ in range(count):
                blocks.append(Block(3, expansion * channels, filters, False, "relu6"))
                channels = filters
        yield blocks


def _stages(hidden, stages, strides):
    """Applies stages, each but the first of half the resolution; `strides` of other blocks."""
    for stage, rows in enumerate(stages, start=1):
        for number, block in enumerate(rows, start=1):
            name = f"stage{stage}_block{number}"
            stride = 2 if number == 1 and stage > 1 else strides.get(name, 1)
            hidden = _inverted_residual(hidden, block, stride, name)
    return hidden


def _inverted_residual(hidden, block, stride, name):
    shortcut, channels = hidden, hidden.shape[-1]
    if block.expanded != channels:
        hidden = _convolve_norm(hidden, block.expanded, f"{name}_expand", block.activation)
    hidden = _depthwise(hidden, block.kernel, stride, f"{name}_depthwise")
    hidden = blocks.norm(hidden, f"{name}_depthwise")
    hidden = layers.Activation(block.activation, name=f"{name}_depthwise_act")(hidden)
    if block.squeeze:
        hidden = _squeeze_excite(hidden, f"{name}_squeeze")
    hidden = _convolve_norm(hidden, block.filters, f"{name}_project")
    if stride == 1 and channels == block.filters:
        hidden = layers.Add(name=f"{name}_add")([shortcut, hidden])
    return hidden


def _convolve_norm(hidden, filters, name, activation=None, *, size=1, stride=1):
    hidden = blocks.convolve(hidden, filters, name, blocks.fan_out_normal, size=size, stride=stride)
    hidden = blocks.norm(hidden, name)
    return layers.Activation(activation, name=f"{name}_act")(hidden) if activation else hidden


def _depthwise(hidden, kernel, stride, name):
    padding = "same"
    if stride > 1:
        hidden, padding = blocks.pad(hidden, kernel // 2, name=f"{name}_pad"), "valid"
    return layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding=padding,
        use_bias=False,
        # PyTorch counts all channels in the fan-out of a depthwise kernel; Keras counts them in
        # its fan-in.
        depthwise_initializer=keras.initializers.VarianceScaling(
            scale=2.0, mode="fan_in", distribution="untruncated_normal"
        ),
        name=name,
    )(hidden)


def _squeeze_excite(hidden, name):
    """Scales each channel by a function of the means of all channels."""
    channels = hidden.shape[-1]
    squeezed = max(8, (channels // 4 + 4) // 8 * 8)  # the multiple of 8 next to a quarter
    scale = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(hidden)
    scale = blocks.convolve(
        scale, squeezed, f"{name}_reduce", blocks.fan_out_normal, size=1, use_bias=True
    )
    scale = layers.ReLU(name=f"{name}_relu")(scale)
    scale = blocks.convolve(
        scale, channels, f"{name}_restore", blocks.fan_out_normal, size=1, use_bias=True
    )
    scale = layers.Activation("hard_sigmoid", name=f"{name}_gate")(scale)
    return layers.Multiply(name=f"{name}_scale")([hidden, scale])
