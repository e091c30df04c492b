"""Training that is over quickly, and a student with layers to fold and others that stay."""

import functools

import keras
import numpy as np
from keras import layers

from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.data import streams
from mosaickd_tf.methods import METHODS
from mosaickd_tf.models import blocks
from tests import tiny

SHAPE = (8, 8, 3)
IMAGES = np.random.RandomState(3).randint(0, 256, (12, *SHAPE), "uint8")
QUICK = CompressionConfig(compression_rounds=2, sparsity=(0.5,), clusters=(4,))


@functools.cache
def student():
    """A pre-activation block between two convolutions, its moving statistics not new ones."""
    tiny.seed_weights(0)
    inputs = keras.Input(SHAPE, name="unit_images")
    hidden = blocks.standardization([0.4, 0.5, 0.6], [0.2, 0.3, 0.25])(inputs)
    stem = layers.ReLU(name="stem_relu")(
        blocks.norm(blocks.convolve(hidden, 8, "stem", blocks.fan_out_normal), "stem")
    )
    hidden = blocks.norm_relu(stem, "block")
    hidden = blocks.convolve(hidden, 8, "conv", blocks.fan_out_normal)
    hidden = layers.Add(name="add")([stem, hidden])
    hidden = blocks.global_average_pool(layers.Activation("relu6", name="last")(hidden))
    model = keras.Model(inputs, layers.Dense(5, name="logits")(hidden), name="student")
    return shaken(model)


def shaken(model, seed=0):
    """The model with the statistics and biases of one that has learned."""
    rng = np.random.RandomState(seed)
    for variable in model.variables:
        if "moving" in variable.path or variable.path.endswith(("gamma", "beta")):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def unit_logits(model, images=IMAGES):
    """Returns the outputs of a Keras 3 model for images, computed without this package."""
    return model(images.astype("float32") / 255, training=False).numpy()


@functools.cache
def distiller():
    """A compiled method with a generator; its student is not the one above."""
    mosaic = METHODS["mosaic"](**tiny.plain_networks(), seed=1)
    mosaic.compile(jit_compile=False)
    return mosaic


def batches(start_round):
    """Two updates of four images a round."""
    return streams.rounds(IMAGES, batch_size=4, student_steps=2, seed=0, start_round=start_round)
