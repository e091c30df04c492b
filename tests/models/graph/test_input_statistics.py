"""Statistics with which a classifier standardizes its images, found in its layers."""

import keras
import numpy as np
from keras import layers

from mosaickd_tf.models import blocks, input_statistics

MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


def network():
    inputs = keras.Input((8, 8, 3))
    hidden = layers.GlobalAveragePooling2D()(blocks.standardization(MEAN, STD)(inputs))
    return keras.Model(inputs, layers.Dense(2)(hidden))


def test_the_teachers_statistics_are_found():
    mean, std = input_statistics(network())
    np.testing.assert_allclose(mean, MEAN, rtol=1e-6)
    np.testing.assert_allclose(std, STD, rtol=1e-6)
    assert all(type(number) is float for number in mean + std)


def test_statistics_inside_a_model_inside_a_model_are_found():
    inputs = keras.Input((8, 8, 3))
    outer = keras.Model(inputs, layers.Activation("linear")(network()(inputs)))
    np.testing.assert_allclose(input_statistics(outer)[0], MEAN, rtol=1e-6)


def test_without_statistics_there_are_usual_ones():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    assert input_statistics(model) == ([0.5], [0.25])


def test_statistics_are_those_of_unit_images_whatever_images_the_teacher_takes():
    """Builds a teacher of bytes, which standardizes bytes; its student takes unit images."""
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Normalization(mean=[51.0, 102.0, 153.0], variance=[51.0**2] * 3)(inputs)
    of_bytes = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(hidden)))
    images = keras.Input((8, 8, 3))
    mean, std = input_statistics(keras.Model(images, of_bytes(layers.Rescaling(255.0)(images))))
    np.testing.assert_allclose(mean, [0.2, 0.4, 0.6], rtol=1e-5)
    np.testing.assert_allclose(std, [0.2] * 3, rtol=1e-5)


def test_an_offset_before_the_standardization_is_taken_into_account():
    """Builds a standardization of images in [-1, 1] with mean 0 and deviation 0.5."""
    images = keras.Input((8, 8, 1))
    signed = layers.Rescaling(2.0, offset=-1.0)(images)
    outputs = layers.Flatten()(layers.Normalization(mean=[0.0], variance=[0.25])(signed))
    np.testing.assert_allclose(input_statistics(keras.Model(images, outputs)), [[0.5], [0.25]])
