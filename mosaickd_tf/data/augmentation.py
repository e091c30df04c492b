"""Augmentation as pure functions of images and of random numbers drawn elsewhere.

Only the draws and `random_crops` take a seed; they are stateless functions of it.
"""

import tensorflow as tf

from mosaickd_tf.utils.stateless_random import random_bits, symmetric_uniform


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


def transform_draws(num_images, seed):
    """Draws the random numbers of `transform` for each image.

    Args:
        num_images: number of images.
        seed: two integers.

    Returns:
        Float32 `(num_images, 7)` in (-1, 1): rotation, zoom, shifts down and to the right,
        flip, contrast and brightness.
    """
    return symmetric_uniform((num_images, 7), seed)


def transform(unit_images, draws):
    """Transforms images: rotation, zoom, shift, flip, contrast and brightness.

    What the teacher still recognizes in all of these is more likely to be a shape than a pattern
    of single pixels ("expectation over transformation").

    Args:
        unit_images: `(batch, height, width, channels)` in [0, 1]; differentiable.
        draws: float32 `(batch, 7)` as from `transform_draws`: rotation by up to 0.2 radians, zoom
            by up to 15 %, shifts by up to a ninth of the side, a flip left to right where the
            fifth number is negative, contrast changed by up to 30 % and brightness by up to 0.1.

    Returns:
        Images of the same shape in [0, 1].

    Reference:
        - [Athalye et al., 2018](https://arxiv.org/abs/1707.07397)
    """
    rotation, zoom, down, right, flip, contrast, brightness = tf.unstack(draws, axis=1)
    _, height, width, _ = unit_images.shape
    moved = affine(
        unit_images,
        rotation=0.2 * rotation,
        zoom=1.0 + 0.15 * zoom,
        down=height / 9 * down,
        right=width / 9 * right,
        flip=flip < 0,
    )
    contrast, brightness = (x[:, None, None, None] for x in (contrast, brightness))
    changed = (moved - 0.5) * (1.0 + 0.3 * contrast) + 0.5 + 0.1 * brightness
    return tf.clip_by_value(changed, 0.0, 1.0)


def contrast_draws(num_images, seed):
    """Draws the random numbers of `change_contrast` for each image.

    Args:
        num_images: number of images.
        seed: two integers.

    Returns:
        Float32 `(num_images, 2)` in (-1, 1): contrast and brightness.
    """
    return symmetric_uniform((num_images, 2), seed)


def change_contrast(unit_images, draws):
    """Changes contrast and brightness of each image as a whole.

    Contrast is mostly lowered: generators exaggerate what a classifier looks for, and a student
    that has seen nothing weaker misses it in photographs.

    Args:
        unit_images: `(batch, height, width, channels)` in [0, 1].
        draws: float32 `(batch, 2)` as from `contrast_draws`: differences from the image's mean
            are multiplied by 0.25 to 1.1, and up to 0.125 is added.

    Returns:
        Images of the same shape in [0, 1].
    """
    contrast, brightness = (x[:, None, None, None] for x in tf.unstack(draws, axis=1))
    mean = tf.reduce_mean(unit_images, axis=(1, 2, 3), keepdims=True)
    changed = (unit_images - mean) * (0.675 + 0.425 * contrast) + mean + 0.125 * brightness
    return tf.clip_by_value(changed, 0.0, 1.0)


def affine(images, rotation, zoom, down, right, flip):
    """Samples images at places that are rotated, zoomed, flipped and shifted around the center.

    Bilinear, with the images mirrored at their borders.

    Args:
        images: float32 `(batch, height, width, channels)`, at least 2x2 pixels; differentiable.
        rotation: `(batch,)` in radians, of the places.
        zoom: `(batch,)`, positive: above 1 more is seen, smaller.
        down: `(batch,)` in pixels, of the places; less than the height.
        right: `(batch,)` likewise, less than the width.
        flip: bool `(batch,)`, whether left and right are exchanged.

    Returns:
        Images of the same shape.
    """
    _, height, width, _ = images.shape
    rows = tf.range(height, dtype="float32")[:, None] - (height - 1) / 2
    columns = tf.range(width, dtype="float32")[None, :] - (width - 1) / 2
    cosine, sine = tf.cos(rotation) * zoom, tf.sin(rotation) * zoom
    sign = tf.where(flip, -1.0, 1.0)
    cosine, sine, sign, down, right = (x[:, None, None] for x in (cosine, sine, sign, down, right))
    return _sample(
        images,
        sine * columns + cosine * rows + down + (height - 1) / 2,
        sign * (cosine * columns - sine * rows) + right + (width - 1) / 2,
    )


def _sample(images, rows, columns):
    """Interpolates images at places `(batch, height, width)` in pixels."""
    _, height, width, channels = images.shape
    size = tf.shape(rows)
    pixels = tf.reshape(images, (size[0], height * width, channels))
    (top, row_rest), (left, column_rest) = _cells(rows, height), _cells(columns, width)

    def at(row, column):
        index = tf.reshape(row * width + column, (size[0], height * width))
        return tf.reshape(tf.gather(pixels, index, batch_dims=1), tf.shape(images))

    upper = (1.0 - column_rest) * at(top, left) + column_rest * at(top, left + 1)
    lower = (1.0 - column_rest) * at(top + 1, left) + column_rest * at(top + 1, left + 1)
    sampled = (1.0 - row_rest) * upper + row_rest * lower
    return tf.ensure_shape(sampled, images.shape)


def _cells(places, size):
    """Returns the pixel before each place, of mirrored borders, and the way to the next one."""
    last = size - 1.0
    places = tf.clip_by_value(last - tf.abs(last - tf.abs(places)), 0.0, last)
    before = tf.minimum(tf.cast(places, "int32"), size - 2)
    return before, (places - tf.cast(before, "float32"))[..., None]


def _gather(images, rows, columns):
    """Gathers rows `(batch, h)` and columns `(batch, w)` of each image."""
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)
