"""Recognition of networks that were never trained, by their weights."""

import keras
import numpy as np

from mosaickd_tf.models.graph.walk import leaf_layers


def is_untrained(model):
    """Checks whether all vectors of a network still have the values with which they start.

    Biases, and shifts and means of normalizations, start at 0, scales and variances at 1. Training
    leaves no vector of them all equal to that.

    Args:
        model: a Keras model; a layer of it that runs a file of another kind lists the vectors in
            that file by a method `stored_vectors`.

    Returns:
        False too for a network without any such vector.
    """
    vectors = []
    for layer in leaf_layers(model):
        own = [keras.ops.convert_to_numpy(x) for x in layer.weights if "float" in x.dtype]
        stored = layer.stored_vectors() if hasattr(layer, "stored_vectors") else []
        vectors += [values for values in (*own, *stored) if values.ndim == 1 and values.size]
    return bool(vectors) and all(np.all(v == 0) or np.all(v == 1) for v in vectors)
