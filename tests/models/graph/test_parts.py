"""Outputs of networks, run on a few images at a time."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.models.graph.parts import outputs_in_parts

IMAGES = np.random.default_rng(0).uniform(0, 1, (5, 4, 4, 3)).astype("float32")


class _Counts(layers.Layer):
    """Layer that notes how many images it gets at once."""

    def __init__(self):
        super().__init__()
        self.counts = []

    def call(self, images, training=False):
        if isinstance(images.shape[0], int):
            self.counts.append((images.shape[0], training))
        return images


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_outputs_are_those_of_all_images_at_once(size):
    images = keras.Input((4, 4, 3))
    counts = _Counts()
    hidden = counts(images)
    model = keras.Model(images, [layers.GlobalAveragePooling2D()(hidden), layers.Flatten()(hidden)])
    means, flat = outputs_in_parts(model, IMAGES, size)
    np.testing.assert_allclose(means, IMAGES.mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(flat, IMAGES.reshape(5, -1))
    assert max(counts.counts) <= (size, False)


def test_a_single_output_is_a_list_of_one():
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten()])
    (flat,) = outputs_in_parts(model, IMAGES)
    np.testing.assert_array_equal(flat, IMAGES.reshape(5, -1))
