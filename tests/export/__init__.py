"""A student that is built, converted and run quickly."""

import keras
import numpy as np
from keras import layers

from mosaickd_tf.models import blocks

IMAGES = np.random.RandomState(7).randint(0, 256, (6, 8, 8, 3), "uint8")
LABELS = np.array([0, 1, 2, 3, 4, 0], "int32")


def student(seed=0, extra=None):
    """Builds a classifier of five classes with moving statistics that differ from a new one's.

    Args:
        seed: fixes the weights.
        extra: a layer between the features and the logits.
    """
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3), name="unit_images")
    hidden = blocks.standardization([0.4, 0.5, 0.6], [0.2, 0.3, 0.25])(inputs)
    hidden = layers.Conv2D(6, 3, strides=2, use_bias=False)(hidden)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    hidden = layers.GlobalAveragePooling2D()(hidden)
    hidden = extra(hidden) if extra else hidden
    model = keras.Model(inputs, layers.Dense(5, name="logits")(hidden), name="student")
    rng = np.random.RandomState(seed)
    for variable in model.variables:
        if "moving" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        if variable.path.startswith("logits"):
            variable.assign(rng.normal(scale=3.0, size=variable.shape))
    return model


def logits(model):
    """Computes the logits of a student for `IMAGES`, by the model itself on unit images."""
    return model(IMAGES.astype("float32") / 255, training=False).numpy()


def softmax(rows):
    """Computes the softmax in NumPy, in double precision."""
    powers = np.exp(rows.astype("float64"))
    return powers / powers.sum(axis=-1, keepdims=True)
