"""Small teachers whose batch normalization has the statistics of known images, in float64."""

import functools

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from mosaickd_tf.teachers.inputs import TeacherInput
from mosaickd_tf.teachers.inspection import photographs

LEARNED = keras.initializers.RandomNormal(seed=0)  # for biases as of networks that were trained
SIDE = 16
FILTERS = 12
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CAFFE = np.array([103.939, 116.779, 123.68])  # of blue, green, red
# Pixels of a network's own range, of unit images (..., 3) or (..., 1) in float64.
OF_UNIT = {
    "unit": lambda unit: unit,
    "signed": lambda unit: 2 * unit - 1,
    "bytes": lambda unit: 255 * unit,
    "imagenet": lambda unit: (unit - MEAN) / STD,
    "caffe": lambda unit: 255 * unit[..., ::-1] - CAFFE,
}


@functools.cache
def photos():
    """Returns uint8 crops `(256, SIDE, SIDE, 3)`, half of each of two photographs."""
    return photographs((SIDE, SIDE, 3))


@functools.cache
def digits():
    """Returns uint8 digits `(256, SIDE, SIDE, 1)`, bright on black."""
    images = np.round(load_digits().images[:256] * (255 / 16)).astype("uint8")
    return images.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)[..., None]


def seen(images):
    """Returns every other image: the others are left for the decision."""
    return images[::2].astype("float64") / 255


def convolved(images, kernel, bias):
    """Convolves images without padding, in float64; the oracle of Keras's layer."""
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nyxcij,ijco->nyxo", windows, kernel, optimize=True) + bias


def teacher(images, pixels, *, before=(), relu=False, form="functional", seed=0):
    """Builds a teacher that was shown unit images in a range of pixels.

    Args:
        images: float64 unit images.
        pixels: a name in `OF_UNIT`, of the images that the convolution takes.
        before: layers of the network before its convolution.
        relu: whether a ReLU lies between convolution and normalization.
        form: "functional", "sequential" or "nested".
        seed: of the weights.
    """
    rng = np.random.default_rng(seed)
    channels = images.shape[-1]
    kernel = rng.normal(size=(3, 3, channels, FILTERS)) / np.sqrt(9 * channels)
    bias = 0.1 * rng.normal(size=FILTERS)
    convolution = layers.Conv2D(FILTERS, 3, activation="relu" if relu else None)
    norm = layers.BatchNormalization()
    stages = [*before, convolution, norm, layers.ReLU(), layers.GlobalAveragePooling2D()]
    model = _assembled(stages, layers.Dense(4), images.shape[1:], form)
    convolution.set_weights([kernel, bias])
    values = convolved(OF_UNIT[pixels](images), kernel, bias).reshape(-1, FILTERS)
    values = np.maximum(values, 0) if relu else values
    norm.set_weights([np.ones(FILTERS), np.zeros(FILTERS), values.mean(axis=0), values.var(axis=0)])
    return model


def _assembled(stages, head, shape, form):
    if form == "sequential":
        return keras.Sequential([keras.Input(shape), *stages, head])
    if form == "nested":
        inner = keras.Sequential([keras.Input(shape), *stages])
        return keras.Sequential([keras.Input(shape), keras.Sequential([inner]), head])
    hidden = inputs = keras.Input(shape)
    for layer in (*stages, head):
        hidden = layer(hidden)
    return keras.Model(inputs, hidden)


def taken_by(model, **given):
    """Returns the `TeacherInput` of a model of images `(height, width, channels)`."""
    return TeacherInput(image_shape=model.input_shape[1:], path="teacher.keras", **given)
