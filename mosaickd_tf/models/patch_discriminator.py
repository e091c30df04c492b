"""Patch discriminator and the arithmetic of its receptive field.

A convolution of kernel k on a map whose neighbors lie `jump` pixels apart widens the receptive
field by `(k − 1) · jump`; its stride multiplies the jump. So the receptive field of n
convolutions is

    patch_size = 1 + Σᵢ (kᵢ − 1) · s₁ · … · sᵢ₋₁

pixels a side. The official discriminator is (4, stride 2), (4, stride 2), (1, stride 1):
`1 + 3·1 + 3·2 = 10` pixels, one logit every 4 pixels. `patch_layers` finds kernels and
strides for any other patch size.
"""

import keras
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import blocks
from mosaickd_tf.models.generator import doublings


def default_patch_size(image_size):
    """Returns the side in pixels of the patches of images of a size, in proportion to it.

    10 pixels, as in the official code, for images of up to 64 pixels a side; then 22 up to 128,
    46 up to 256 and 94 up to 512 pixels. With one more convolution of stride 2 each, the number
    of patches in an image stays below that of 64 pixels, and with it the weight of `L_local`, a
    sum over patches.

    Args:
        image_size: side of the images, or `(height, width)`, of which the longer counts; of sides
            below 10 pixels it is 4.
    """
    shortest = min(blocks.height_and_width(image_size))
    ladder = [3 * 2**count - 2 for count in range(1, doublings(image_size) + 1)]
    return max(size for size in ladder if size <= max(shortest, ladder[0]))


def patch_layers(patch_size):
    """Computes hidden convolutions whose receptive field is exactly `patch_size` pixels a side.

    As many stride-2 convolutions as fit with kernels of at least 4 (receptive fields of 4, 10,
    22, 46, … pixels); the remainder up to `patch_size` widens their kernels, the deepest first.
    Below 4 pixels there is one convolution of stride 1. There are at least two hidden layers:
    one of kernel 1, which does not widen the receptive field, is added if needed.

    Args:
        patch_size: at least 1.

    Returns:
        A list of `(kernel, stride)`, first layer first.
    """
    halvings = 0
    while 3 * 2 ** (halvings + 1) - 2 <= patch_size:
        halvings += 1
    if not halvings:
        return [(patch_size, 1), (1, 1)]
    rest = patch_size - (3 * 2**halvings - 2)
    kernels = []
    for level in reversed(range(halvings)):
        wider, rest = divmod(rest, 2**level)
        kernels.insert(0, 4 + wider)
    hidden = [(kernel, 2) for kernel in kernels]
    return hidden if len(hidden) > 1 else [*hidden, (1, 1)]


def build_patch_discriminator(
    *, image_size=32, channels=3, patch_size=10, base_filters=128, mean=None, std=None
):
    """Builds a discriminator that classifies each patch of an image as OOD-real or synthetic.

    Args:
        image_size: side of the images, or `(height, width)`, at least 1.
        channels: channels of the images.
        patch_size: side, in pixels, of the patch behind each logit, from 1 (a single pixel)
            to the shorter side. At a square image's side the last convolution covers the whole
            map, so that there is one logit per image.
        base_filters: filters of the first layer; the others have twice as many.
        mean: mean of each channel of unit images, for the built-in standardization.
        std: standard deviation of each channel.

    Returns:
        A functional model from `(batch, height, width, channels)` unit images to
        `(batch, rows, columns, 1)` patch logits; positive means real. 531,328 trainable
        parameters with the default arguments, as in the official code.

    Raises:
        RequestError: for a patch size outside 1 to the shorter side.

    Reference:
        - [Isola et al., 2017](https://arxiv.org/abs/1611.07004)
    """
    height, width = blocks.height_and_width(image_size)
    if not 1 <= patch_size <= min(height, width):
        raise RequestError(
            f"`patch_size` does not fit. Expected 1 to the image's {min(height, width)} pixels. "
            f"Received: patch_size={patch_size}. Choose another one"
        )
    inputs = keras.Input((height, width, channels), name="unit_images")
    hidden = blocks.standardization(mean or [0.5] * channels, std or [0.25] * channels)(inputs)
    whole = patch_size == height == width
    # A last kernel that covers the whole map sees the whole image, whatever comes before it.
    hidden_layers = patch_layers(min(patch_size, 10) if whole else patch_size)
    for depth, (kernel, stride) in enumerate(hidden_layers):
        filters = base_filters * min(2**depth, 2)
        hidden = _hidden_layer(hidden, filters, kernel, stride, depth)
    logits = layers.Conv2D(
        1,
        hidden.shape[1] if whole else 1,
        use_bias=False,
        kernel_initializer=blocks.torch_uniform(),
        dtype="float32",  # logits stay float32 under every policy
        name="patch_logits",
    )(hidden)
    return keras.Model(inputs, logits, name="patch_discriminator")


def _hidden_layer(hidden, filters, kernel, stride, depth):
    hidden = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=depth == 0,
        kernel_initializer=blocks.torch_uniform(),
        bias_initializer=blocks.torch_uniform_bias(kernel * kernel * hidden.shape[-1]),
        name=f"conv{depth + 1}",
    )(hidden)
    if depth:
        hidden = layers.BatchNormalization(**blocks.BATCH_NORM, name=f"norm{depth + 1}")(hidden)
    return layers.LeakyReLU(negative_slope=blocks.LEAKY_SLOPE, name=f"relu{depth + 1}")(hidden)
