"""Images of a generator: the same each time, each a function of its noise alone."""

import keras
import numpy as np
from keras import layers

from mosaickd_tf.models import as_bytes, build_generator, synthetic_images
from mosaickd_tf.utils.stateless_random import standard_normal
from tests import tiny


def shown():
    """A generator whose image is what it was given: 3 numbers, and 2 classes if told."""
    return keras.Sequential([keras.Input((5,)), layers.Reshape((1, 5, 1))])


def test_noise_is_standard_normal_and_named_by_its_seed():
    images = synthetic_images(shown(), 200, seed=(3, 1)).numpy()
    assert images.shape == (200, 1, 5, 1)
    np.testing.assert_array_equal(images.reshape(200, 5), standard_normal((200, 5), (3, 1)))
    assert not np.array_equal(images, synthetic_images(shown(), 200, seed=(3, 2)))


def test_classes_are_told_in_turn_behind_the_noise():
    told = synthetic_images(shown(), 3, num_classes=2).numpy().reshape(3, 5)
    np.testing.assert_array_equal(told[:, 3:], [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(told[:, :3], standard_normal((3, 3), (0, 0)))


def test_normalisations_use_what_they_remember():
    tiny.seed_weights(0)
    generator = build_generator(image_size=8, noise_dim=6, base_filters=4)
    noise = standard_normal((2, 6), (0, 0))
    alone = generator(noise[:1], training=False)
    np.testing.assert_allclose(synthetic_images(generator, 2)[:1], alone, atol=1e-6)


def test_bytes_are_rounded():
    np.testing.assert_array_equal(as_bytes([0.0, 0.5 / 255.01, 0.51 / 255, 1.0]), [0, 0, 1, 255])
