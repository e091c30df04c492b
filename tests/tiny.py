"""Networks and batches as small as they can be."""

import functools
import random

import keras
import numpy as np
import tensorflow as tf

from mosaickd_tf.models import blocks, build_classifier, build_generator, build_patch_discriminator

IMAGE_SHAPE = (8, 8, 3)
NUM_CLASSES = 10
BATCH_SIZE = 4
STUDENT_STEPS = 2


def seed_weights(number):
    """Fixes the weights of the models that are built next.

    Keras takes its default seeds from Python's generator. Its own `set_random_seed` sets
    TensorFlow's seed too, and with it empties the cache of every operation.
    """
    random.seed(number)


def classifier(seed=0, num_classes=NUM_CLASSES, input_shape=IMAGE_SHAPE):
    """Builds two stages with layers and names as those of the networks of this package."""
    seed_weights(seed)
    inputs, hidden = blocks.normalized_input(input_shape, None, None, smallest=4)
    hidden = blocks.convolve(hidden, 8, "stage1_conv", blocks.fan_out_normal)
    hidden = blocks.norm_relu(hidden, "stage2_norm")
    hidden = blocks.convolve(hidden, 16, "stage2_conv", blocks.fan_out_normal, stride=2)
    features = blocks.global_average_pool(blocks.norm_relu(hidden, "head"))
    logits = blocks.logits(features, num_classes, blocks.torch_uniform())
    return _shaken(keras.Model(inputs, logits), seed)


def wide_resnet(seed=0, num_classes=NUM_CLASSES, input_shape=IMAGE_SHAPE):
    """Builds a WRN-10-1, the smallest network of this package."""
    seed_weights(seed)
    model = build_classifier("wrn10_1", num_classes=num_classes, input_shape=input_shape)
    return _shaken(model, seed)


def _shaken(model, seed):
    """Gives a model moving statistics that differ from those of a new one."""
    rng = np.random.RandomState(seed)
    for variable in model.non_trainable_variables:
        if "moving" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def networks(seed=0, patch_size=4):
    """Builds the four networks of `MosaicDistiller`, as keyword arguments."""
    teacher, student = classifier(seed), classifier(seed + 1)
    generator = build_generator(image_size=8, noise_dim=6, base_filters=4)
    discriminator = build_patch_discriminator(image_size=8, patch_size=patch_size, base_filters=8)
    return {
        "teacher": teacher,
        "student": student,
        "generator": generator,
        "discriminator": discriminator,
    }


def batch(seed=0, batch_size=BATCH_SIZE, student_steps=STUDENT_STEPS):
    """Returns the OOD images of one round, random unit images."""
    rng = np.random.RandomState(seed)
    return {
        "patch_images": rng.uniform(size=(batch_size, *IMAGE_SHAPE)).astype("float32"),
        "transfer_images": rng.uniform(size=(batch_size, student_steps, *IMAGE_SHAPE)).astype(
            "float32"
        ),
    }


@functools.lru_cache(maxsize=4)
def compiled(distiller):
    """Returns the round as a graph, as Keras traces it: without AutoGraph, and once."""
    return tf.function(distiller.train_step, jit_compile=distiller.jit_compile, autograph=False)


def values(model):
    """Returns the values of all variables of a model, moving statistics included."""
    return [variable.numpy() for variable in model.variables]


def same_bits(before, after):
    """Checks whether two lists of arrays are equal, bit for bit."""
    return len(before) == len(after) and all(
        old.tobytes() == new.tobytes() for old, new in zip(before, after, strict=True)
    )


def plain_networks(image_size=8, num_outputs=5):
    """Builds the same four of a few built-in layers, as of another code base."""
    layers, shape = keras.layers, (image_size, image_size, 3)

    def classifier_of(name):
        return keras.Sequential(
            [
                keras.Input(shape),
                layers.Conv2D(4, 3, strides=2),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.GlobalAveragePooling2D(),
                layers.Dense(num_outputs),
            ],
            name=name,
        )

    generator = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(image_size * image_size * 3),
            layers.BatchNormalization(),
            layers.Reshape(shape),
            layers.Activation("sigmoid"),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(4, 4, strides=2),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2D(1, 1),
        ],
        name="discriminator",
    )
    return {
        "teacher": classifier_of("teacher"),
        "student": classifier_of("student"),
        "generator": generator,
        "discriminator": discriminator,
    }


class Subclassed(keras.Model):
    """A model whose shapes Keras does not know, around one whose shapes it knows."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self(keras.ops.zeros((1, *inner.input_shape[1:])))

    def call(self, inputs, training=False):
        """Returns the outputs of the model inside."""
        return self.inner(inputs, training=training)
