"""Outputs of Keras classifiers on arrays of images."""

import functools

import numpy as np
import tensorflow as tf

from mosaickd_tf.data.streams import unit

BATCH_SIZE = 256


def predict_logits(model, images):
    """Runs a Keras classifier on uint8 images.

    Args:
        model: Keras model from unit images, or from uint8 images, to `(batch, num_classes)`.
        images: uint8 `(n, height, width, channels)`.

    Returns:
        Float32 `(n, num_classes)`, the model's outputs.
    """
    run = _compile(model)
    starts = range(0, len(images), BATCH_SIZE)
    return np.concatenate([run(tf.constant(images[i : i + BATCH_SIZE])).numpy() for i in starts])


@functools.lru_cache(maxsize=4)
def _compile(model):
    """Compiles the model's forward pass, traced once for all its evaluations."""
    takes_bytes = model.inputs[0].dtype == "uint8"
    signature = tf.TensorSpec((None, *model.input_shape[1:]), "uint8")

    def run(images):
        outputs = model(images if takes_bytes else unit(images), training=False)
        return tf.cast(outputs, "float32")

    return tf.function(run, input_signature=[signature], autograph=False)
