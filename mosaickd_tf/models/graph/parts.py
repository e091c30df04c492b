"""Outputs of networks of any origin, which are run on a few images at a time."""

import keras
import numpy as np

_SIZE = 16  # a layer of a file may give 2**24 numbers for an image


def outputs_in_parts(model, images, size=_SIZE):
    """Returns all outputs of a network at inference for images, a list of NumPy arrays.

    Args:
        model: Keras model of one input and any number of outputs.
        images: array `(n, ...)` of at least one image.
        size: number of images that are run at once, so that memory is bounded.
    """
    rows = []
    for start in range(0, len(images), size):
        outputs = model(images[start : start + size], training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        rows.append([keras.ops.convert_to_numpy(output) for output in outputs])
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]
