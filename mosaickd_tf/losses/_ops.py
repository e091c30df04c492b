"""Operations that several losses share."""

from keras import ops


def float32(values):
    """Casts a tensor to float32."""
    return ops.cast(values, "float32")


def total(terms):
    """Sums scalars in an order that no graph optimization changes.

    TensorFlow's optimizer regroups a chain of additions differently from trace to trace, which
    changes the last bit of the sum.

    Args:
        terms: an iterable of float scalars, at least one.
    """
    return ops.sum(ops.stack(list(terms)))


def log_probs(logits, temperature=1.0):
    """Returns the float32 log softmax, over the last axis, of `logits / temperature`."""
    return ops.log_softmax(float32(logits) / temperature, axis=-1)
