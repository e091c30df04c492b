"""Augmentation as pure functions of images and of random numbers drawn elsewhere.

Only `random_crops` takes a seed; it is a stateless function of it.
"""

import tensorflow as tf

from mosaickd_tf.utils.stateless_random import random_bits


def crop_draws(num_images, padding, seed):
    """Draws the random numbers of `pad_crop_flip` for each image of a data set.

    Args:
        num_images: number of images.
        padding: pixels added on each side, at least 0.
        seed: two integers.

    Returns:
        Int32 `(num_images, 3)`: row offset and column offset in [0, 2 · padding], and
        whether to flip, 0 or 1.
    """
    limits = tf.constant([2 * padding + 1, 2 * padding + 1, 2])
    return tf.cast(random_bits((num_images, 3), seed) % tf.cast(limits, "uint32"), "int32")


def pad_crop_flip(images, draws, padding, flip=True):
    """Pads with black, crops to the original size and flips left to right.

    Args:
        images: `(batch, height, width, channels)` of any dtype.
        draws: int32 `(batch, 3)` as from `crop_draws`.
        padding: pixels added on each side, as for the draws.
        flip: whether to apply the drawn flips.

    Returns:
        Images of the same shape and dtype.
    """
    _, height, width, _ = images.shape
    padded = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    rows = draws[:, :1] + tf.range(height)
    columns = tf.range(width)[tf.newaxis]
    if flip:
        columns = tf.where(draws[:, 2:] == 1, width - 1 - columns, columns)
    return _gather(padded, rows, draws[:, 1:2] + columns)


def random_crops(images, size, count, seed):
    """Takes `count` random square crops of each image.

    Args:
        images: `(batch, height, width, channels)`; differentiable.
        size: side of the crops in pixels, at most height and width.
        count: crops of each image.
        seed: int `(2,)`.

    Returns:
        `(batch · count, size, size, channels)`, the crops of an image adjacent.
    """
    batch, height, width, _ = images.shape
    batch = batch if batch is not None else tf.shape(images)[0]
    num_offsets = tf.constant([height - size + 1, width - size + 1], "uint32")
    offsets = tf.cast(random_bits((batch * count, 2), seed) % num_offsets, "int32")
    return _gather(
        tf.repeat(images, count, axis=0),
        offsets[:, :1] + tf.range(size),
        offsets[:, 1:] + tf.range(size),
    )


def _gather(images, rows, columns):
    """Gathers rows `(batch, h)` and columns `(batch, w)` of each image."""
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)
