"""Attention transfer, a pure function in float32."""

from keras import ops


def attention_loss(teacher_features, student_features):
    """How differently teacher and student spread their activation over an image.

    The map of an image is the mean of the squared features over channels, divided by its L2
    norm; the loss is the mean, over images and positions, of the squared difference of maps.

    Args:
        teacher_features: `(batch, height, width, channels)`.
        student_features: `(batch, height, width, any channels)`.

    Returns:
        Float32 scalar, at least 0, without unit.

    Reference:
        - [Zagoruyko and Komodakis, 2017](https://arxiv.org/abs/1612.03928)
    """
    return ops.mean(ops.square(_attention(teacher_features) - _attention(student_features)))


def _attention(features):
    energy = ops.mean(ops.square(ops.cast(features, "float32")), axis=-1, keepdims=True)
    # A map without any activation stays zero, and so does its slope.
    squares = ops.sum(ops.square(energy), axis=(1, 2), keepdims=True)
    return energy * ops.rsqrt(ops.maximum(squares, 1e-24))
