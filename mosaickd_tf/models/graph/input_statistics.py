"""Mean and standard deviation with which a classifier standardizes its images."""

import keras
import numpy as np

from mosaickd_tf.models.graph.walk import layers_in_order

_DEFAULT_MEAN, _DEFAULT_STD = 0.5, 0.25


def input_statistics(model):
    """Finds the mean and standard deviation with which a classifier standardizes unit images.

    They are those of the first `Normalization`, converted through each `Rescaling` before it.

    Args:
        model: a functional or sequential Keras classifier of unit images.

    Returns:
        `(mean, std)`, two lists of one float per channel of unit images; 0.5 and 0.25 for a model
        without a `Normalization`.
    """
    channels = model.input_shape[-1]
    scale, offset = np.ones(channels), np.zeros(channels)  # of unit images, up to the layer
    for layer in layers_in_order(model):
        if isinstance(layer, keras.layers.Rescaling):
            scale, offset = scale * layer.scale, offset * layer.scale + layer.offset
        if isinstance(layer, keras.layers.Normalization):
            mean = keras.ops.convert_to_numpy(layer.mean).reshape(-1)
            std = keras.ops.convert_to_numpy(layer.variance).reshape(-1) ** 0.5
            return ((mean - offset) / scale).tolist(), (std / np.abs(scale)).tolist()
    return [_DEFAULT_MEAN] * channels, [_DEFAULT_STD] * channels
