"""Operations that several losses share."""

from keras import ops


def float32(values):
    """Casts a tensor to float32."""
    return ops.cast(values, "float32")


def log_probs(logits, temperature=1.0):
    """Returns the float32 log softmax, over the last axis, of `logits / temperature`."""
    return ops.log_softmax(float32(logits) / temperature, axis=-1)
