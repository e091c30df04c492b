"""Synthetic images of a generator, for viewing or calibration."""

import tensorflow as tf

from mosaickd_tf.utils.stateless_random import standard_normal

_BATCH_SIZE = 128


def synthetic_images(generator, count, *, seed=(0, 0), noise_dim=None):
    """Draws images of a generator in inference mode.

    Normalizations use their moving statistics, so that an image depends on its own noise only,
    not on the rest of the batch.

    Args:
        generator: Keras model from noise to unit images.
        count: how many, at least 1.
        seed: two integers; the same give the same images.
        noise_dim: length of the noise; read from the generator's input if left out.

    Returns:
        Float32 unit images `(count, height, width, channels)`.
    """
    noise_dim = noise_dim or generator.input_shape[-1]
    noise = standard_normal((count, noise_dim), seed)
    batches = [noise[start : start + _BATCH_SIZE] for start in range(0, count, _BATCH_SIZE)]
    return tf.concat([generator(batch, training=False) for batch in batches], axis=0)
