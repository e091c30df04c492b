"""Synthetic images of a generator, to look at or to calibrate with."""

import numpy as np
import tensorflow as tf

from mosaickd_tf.utils.stateless_random import standard_normal

_BATCH = 128  # images of one call of the generator


def synthetic_images(generator, count, *, seed=(0, 0), noise_dim=None, num_classes=0):
    """Draws images of a generator in inference mode.

    The normalisations use their moving statistics, so that an image is a function of its noise
    alone, whatever is drawn beside it.

    Args:
        generator: Keras model from noise, and a one-hot class behind it where `num_classes` is
            above 0, to unit images.
        count: how many, at least 1.
        seed: two integers; the same give the same images.
        noise_dim: length of the noise; read from the generator's input if left out.
        num_classes: how many classes the generator is told, all in turn.

    Returns:
        Float32 unit images `(count, height, width, channels)`.
    """
    noise_dim = noise_dim or generator.input_shape[-1] - num_classes
    noise = standard_normal((count, noise_dim), seed)
    if num_classes:
        classes = tf.one_hot(tf.range(count) % num_classes, num_classes)
        noise = tf.concat([noise, classes], axis=-1)
    batches = [noise[start : start + _BATCH] for start in range(0, count, _BATCH)]
    return tf.concat([generator(batch, training=False) for batch in batches], axis=0)


def as_bytes(unit_images):
    """Unit images as uint8 NumPy, rounded."""
    return np.round(np.asarray(unit_images) * 255).astype(np.uint8)
