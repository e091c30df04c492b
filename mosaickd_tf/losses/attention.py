"""Attention transfer loss, a pure function in float32."""

from keras import ops

from mosaickd_tf.losses._ops import float32


def attention_loss(teacher_features, student_features):
    """Computes the attention transfer loss: the squared difference of attention maps.

    The map of an image is the mean of the squared features over channels, divided by its L2
    norm; the loss is the mean, over images and positions, of the squared difference of the maps.

    Args:
        teacher_features: `(batch, height, width, channels)`.
        student_features: `(batch, height, width, other_channels)`.

    Returns:
        Float32 scalar, at least 0, dimensionless.

    Reference:
        - [Zagoruyko and Komodakis, 2017](https://arxiv.org/abs/1612.03928)
    """
    return ops.mean(ops.square(_attention(teacher_features) - _attention(student_features)))


def _attention(features):
    """Returns the normalized attention maps, `(batch, height, width, 1)`."""
    energy = ops.mean(ops.square(float32(features)), axis=-1, keepdims=True)
    # A map without any activation stays zero, and so does its gradient.
    squares = ops.sum(ops.square(energy), axis=(1, 2), keepdims=True)
    return energy * ops.rsqrt(ops.maximum(squares, 1e-24))
