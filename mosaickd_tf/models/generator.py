"""Generator of the official code, from noise to small images of any size."""

import keras
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import blocks


def build_generator(*, image_size=32, channels=3, noise_dim=100, base_filters=64):
    """Builds the generator: one dense layer, then two 2x upsamplings.

    Args:
        image_size: side of the images, or `(height, width)`, multiples of 4 from 8 up.
        channels: 1 or 3.
        noise_dim: length of the noise vector, at least 1.
        base_filters: filters before the last convolution, at least 1; the layers before it
            have twice and four times as many.

    Returns:
        A functional model from `(batch, noise_dim)` normal noise to
        `(batch, height, width, channels)` unit images. 2,026,051 trainable
        parameters with the default arguments, as in the official code.

    Raises:
        RequestError: for a size that is not a multiple of 4 or below 8, channels other
            than 1 or 3, or a dimension below 1.
    """
    height, width = blocks.height_and_width(image_size)
    _check((height, width), channels, noise_dim, base_filters)
    rows, columns, deep = height // 4, width // 4, 4 * base_filters
    noise = keras.Input((noise_dim,), name="noise")
    hidden = layers.Dense(
        rows * columns * deep,
        kernel_initializer=blocks.torch_uniform(),
        bias_initializer=blocks.torch_uniform_bias(noise_dim),
        name="project",
    )(noise)
    hidden = layers.Reshape((rows, columns, deep), name="seed_map")(hidden)
    hidden = layers.BatchNormalization(**blocks.BATCH_NORM, name="seed_norm")(hidden)
    hidden = _upsample_convolve(hidden, 2 * base_filters, "up1")
    hidden = _upsample_convolve(hidden, base_filters, "up2")
    images = layers.Conv2D(
        channels,
        3,
        padding="same",
        kernel_initializer=blocks.torch_uniform(),
        bias_initializer=blocks.torch_uniform_bias(9 * base_filters),
        name="paint",
    )(hidden)
    # float32 under every policy: three other networks take these images.
    images = layers.Activation("sigmoid", dtype="float32", name="unit_images")(images)
    return keras.Model(noise, images, name="generator")


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
    if min(image_size) < 8 or any(side % 4 for side in image_size):
        raise RequestError(
            "`image_size` does not fit the generator. Expected a multiple of 4 from 8 up. "
            f"Received: image_size={'x'.join(map(str, image_size))}. Choose another one"
        )
    if channels not in (1, 3):
        raise RequestError(f"`channels` must be 1 or 3. Received: channels={channels}")
    if noise_dim < 1 or base_filters < 1:
        raise RequestError(
            f"`noise_dim` and `base_filters` must be at least 1. Received: noise_dim={noise_dim}, "
            f"base_filters={base_filters}"
        )
