"""Layers that augment: found at any depth, and replaced by ones that change nothing."""

import keras
import numpy as np
from keras import layers

from mosaickd_tf.models.graph.augmentation import augmentation_layers, without_augmentation

IMAGES = np.random.RandomState(0).uniform(size=(4, 8, 8, 3)).astype("float32")


def network(*first):
    inner = keras.Sequential([keras.Input((8, 8, 3)), *first, layers.Flatten(), layers.Dense(3)])
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, inner(layers.RandomFlip(name="flip")(inputs)))


def test_they_are_found_at_any_depth_and_dropout_is_none_of_them():
    model = network(layers.RandomRotation(0.2, name="turn"), layers.Dropout(0.5))
    assert sorted(augmentation_layers(model)) == ["flip", "turn"]


def test_without_them_training_sees_the_images_as_they_are():
    model = network(layers.RandomRotation(0.2))
    plain = without_augmentation(model)
    assert not augmentation_layers(plain)
    np.testing.assert_array_equal(plain(IMAGES, training=True), model(IMAGES, training=False))


def test_a_model_without_them_is_returned_itself():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten()])
    assert without_augmentation(model) is model
