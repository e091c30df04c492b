"""VGG (Simonyan and Zisserman, 2014) with batch normalization, for small images."""

import keras
from keras import layers

from mosaickd_tf.models import blocks

STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # filters of the convolutions


def vgg11_bn(*, num_classes, input_shape=(32, 32, 3), mean=None, std=None):
    """Builds a VGG-11 with global average pooling and one dense layer.

    As in the official code, pooling follows the fourth stage only for images at least 64 pixels
    high; for smaller ones the last map has an eighth of the height and width of the images.
    Convolutions keep the bias that batch normalization makes redundant. Kernels are initialized
    normal with variance `2 / fan_out`, the logits normal with deviation 0.01, biases with zero.

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
        - [Simonyan and Zisserman, 2014](https://arxiv.org/abs/1409.1556)
    """
    inputs, hidden = blocks.normalized_input(input_shape, mean, std, smallest=8)
    pooled = 4 if input_shape[0] >= 64 else 3
    for stage, widths in enumerate(STAGES, start=1):
        for block, filters in enumerate(widths, start=1):
            name = f"stage{stage}_block{block}"
            hidden = blocks.convolve(
                hidden, filters, f"{name}_conv", blocks.fan_out_normal, use_bias=True
            )
            hidden = blocks.norm_relu(hidden, name)
        if stage <= pooled:
            hidden = layers.MaxPooling2D(2, name=f"pool{stage}")(hidden)
    logits = blocks.logits(blocks.global_average_pool(hidden), num_classes, blocks.small_normal())
    return keras.Model(inputs, logits, name="vgg11_bn")
