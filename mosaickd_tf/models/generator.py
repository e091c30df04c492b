"""Generator of the official code, from noise to images of any size.

It doubles the side of its first map twice for images of up to 64 pixels, as the official code.
For larger images that first map, and with it the dense layer before it, would grow without
bound: `doublings` keeps it at 16 pixels a side or fewer.
"""

import keras
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import blocks

SMALLEST, LARGEST = 8, 512  # sides of images in pixels
_TWICE = 64  # largest side that two doublings make, as in the official code


def doublings(image_size):
    """Returns how often a generator doubles its first map: 2 up to 64 pixels a side, to 5 at 512.

    Args:
        image_size: side of the images, or `(height, width)`, of which the longer counts.
    """
    count = 2
    while _TWICE * 2 ** (count - 2) < max(blocks.height_and_width(image_size)):
        count += 1
    return count


def build_generator(*, image_size=32, channels=3, noise_dim=100, base_filters=64):
    """Builds the generator: one dense layer, then two to five 2x upsamplings.

    A size that doubling does not reach is cropped from the center of the next one that it does.

    Args:
        image_size: side of the images, or `(height, width)`, from 8 to 512.
        channels: 1 or 3.
        noise_dim: length of the noise vector, at least 1.
        base_filters: filters after the second upsampling, at least 1. The layers before it have
            twice and four times as many, those after it, in images of more than 64 pixels a
            side, half as many.

    Returns:
        A functional model from `(batch, noise_dim)` normal noise to
        `(batch, height, width, channels)` unit images. 2,026,051 trainable
        parameters with the default arguments, as in the official code.

    Raises:
        RequestError: for a side below 8 or above 512, channels other than 1 or 3, or a dimension
            below 1.
    """
    height, width = blocks.height_and_width(image_size)
    _check((height, width), channels, noise_dim, base_filters)
    count = doublings((height, width))
    rows, columns = (-(-side // 2**count) for side in (height, width))
    deep = 4 * base_filters
    noise = keras.Input((noise_dim,), name="noise")
    hidden = layers.Dense(
        rows * columns * deep,
        kernel_initializer=blocks.torch_uniform(),
        bias_initializer=blocks.torch_uniform_bias(noise_dim),
        name="project",
    )(noise)
    hidden = layers.Reshape((rows, columns, deep), name="seed_map")(hidden)
    hidden = layers.BatchNormalization(**blocks.BATCH_NORM, name="seed_norm")(hidden)
    for number in range(1, count + 1):
        filters = (4 * base_filters) >> min(number, 3)
        hidden = _upsample_convolve(hidden, max(1, filters), f"up{number}")
    images = layers.Conv2D(
        channels,
        3,
        padding="same",
        kernel_initializer=blocks.torch_uniform(),
        bias_initializer=blocks.torch_uniform_bias(9 * hidden.shape[-1]),
        name="paint",
    )(hidden)
    images = _crop_center(images, height, width)
    # float32 under every policy: three other networks take these images.
    images = layers.Activation("sigmoid", dtype="float32", name="unit_images")(images)
    return keras.Model(noise, images, name="generator")


def _crop_center(images, height, width):
    """Crops maps to a size, by a layer where there is something to crop."""
    spare = (images.shape[1] - height, images.shape[2] - width)
    if not any(spare):
        return images
    cropping = tuple((extra // 2, extra - extra // 2) for extra in spare)
    return layers.Cropping2D(cropping, name="crop")(images)


def _upsample_convolve(hidden, filters, name):
    hidden = layers.UpSampling2D(2, name=f"{name}_double")(hidden)
    hidden = layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=blocks.torch_uniform(),
        name=f"{name}_conv",
    )(hidden)
    hidden = layers.BatchNormalization(**blocks.BATCH_NORM, name=f"{name}_norm")(hidden)
    return layers.LeakyReLU(negative_slope=blocks.LEAKY_SLOPE, name=f"{name}_relu")(hidden)


def _check(image_size, channels, noise_dim, base_filters):
    if min(image_size) < SMALLEST or max(image_size) > LARGEST:
        raise RequestError(
            f"`image_size` does not fit the generator. Expected {SMALLEST} to {LARGEST} pixels a "
            f"side. Received: image_size={'x'.join(map(str, image_size))}. Choose another one"
        )
    if channels not in (1, 3):
        raise RequestError(f"`channels` must be 1 or 3. Received: channels={channels}")
    if noise_dim < 1 or base_filters < 1:
        raise RequestError(
            f"`noise_dim` and `base_filters` must be at least 1. Received: noise_dim={noise_dim}, "
            f"base_filters={base_filters}"
        )
