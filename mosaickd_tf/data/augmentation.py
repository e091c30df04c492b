"""Augmentation as functions of images and numbers drawn elsewhere: no state, no randomness.

`random_crops` alone takes a seed; it is a stateless function of it.
"""

import tensorflow as tf

from mosaickd_tf.utils.stateless_random import random_bits


def crop_draws(num_images, padding, seed):
    """Draws what `pad_crop_flip` needs for each image of a data set.

    Args:
        num_images: how many images there are.
        padding: pixels added on each side, at least 0.
        seed: two integers.

    Returns:
        Int32 `(num_images, 3)`: row offset and column offset in [0, 2 · padding], and
        whether to flip, 0 or 1.
    """
    limits = tf.constant([2 * padding + 1, 2 * padding + 1, 2])
    return tf.cast(random_bits((num_images, 3), seed) % tf.cast(limits, "uint32"), "int32")


def pad_crop_flip(images, draws, padding, flip=True):
    """Pads with black, cuts the original size out again, and mirrors left to right.

    Args:
        images: `(batch, height, width, channels)` of any dtype.
        draws: int32 `(batch, 3)` as from `crop_draws`.
        padding: pixels added on each side, as in the draws.
        flip: whether to mirror where the draw says so.

    Returns:
        Images of the same shape and dtype.
    """
    _, height, width, _ = images.shape
    spaced = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    rows = draws[:, :1] + tf.range(height)
    columns = tf.range(width)[tf.newaxis]
    if flip:
        columns = tf.where(draws[:, 2:] == 1, width - 1 - columns, columns)
    return _cut(spaced, rows, draws[:, 1:2] + columns)


def random_crops(images, size, count, seed):
    """Cuts `count` random square crops out of each image.

    Args:
        images: `(batch, height, width, channels)`; gradients flow back into them.
        size: side of the crops in pixels, at most height and width.
        count: crops of each image.
        seed: int `(2,)`.

    Returns:
        `(batch · count, size, size, channels)`, the crops of an image side by side.
    """
    batch, height, width, _ = images.shape
    batch = batch if batch is not None else tf.shape(images)[0]
    room = tf.constant([height - size + 1, width - size + 1], "uint32")
    offsets = tf.cast(random_bits((batch * count, 2), seed) % room, "int32")
    return _cut(
        tf.repeat(images, count, axis=0),
        offsets[:, :1] + tf.range(size),
        offsets[:, 1:] + tf.range(size),
    )


def _cut(images, rows, columns):
    """Picks rows `(batch, h)` and columns `(batch, w)` out of each image."""
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)
