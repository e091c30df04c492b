"""Random numbers that are a function of a seed, the same in plain graphs and under XLA."""

import tensorflow as tf


def random_bits(shape, seed):
    """Returns uniform uint32 numbers of a shape, a function of the seed `(2,)` only.

    Only TensorFlow's raw stateless integers are the same under XLA: floats are drawn from
    other bits there (tensorflow/tensorflow#121243).
    """
    return tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype="uint32", alg="philox"
    )


def symmetric_uniform(shape, seed):
    """Returns uniform float32 numbers in (-1, 1), the centers of 2²³ equal cells of it."""
    cells = tf.bitwise.right_shift(random_bits(shape, seed), tf.constant(9, "uint32"))
    return (tf.cast(cells, "float32") + 0.5) * 2.0**-22 - 1.0


def standard_normal(shape, seed):
    """Returns standard normal float32 numbers, a function of the seed `(2,)` only.

    The inverse normal distribution function at the centers of 2²³ equal cells of (0, 1).
    """
    return 2.0**0.5 * tf.math.erfinv(symmetric_uniform(shape, seed))
