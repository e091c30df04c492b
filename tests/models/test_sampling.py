"""Images of a generator: the same each time, each a function of its noise alone."""

import keras
import numpy as np
from keras import layers

from mosaickd_tf.models import build_generator, synthetic_images
from mosaickd_tf.utils.stateless_random import standard_normal
from tests import tiny


def identity():
    """Builds a generator whose image is its input: 3 numbers and a one-hot label, or 5 numbers."""
    return keras.Sequential([keras.Input((5,)), layers.Reshape((1, 5, 1))])


def test_noise_is_standard_normal_and_named_by_its_seed():
    images = synthetic_images(identity(), 200, seed=(3, 1)).numpy()
    assert images.shape == (200, 1, 5, 1)
    np.testing.assert_array_equal(images.reshape(200, 5), standard_normal((200, 5), (3, 1)))
    assert not np.array_equal(images, synthetic_images(identity(), 200, seed=(3, 2)))


def test_normalizations_use_their_moving_statistics():
    tiny.seed_weights(0)
    generator = build_generator(image_size=8, noise_dim=6, base_filters=4)
    noise = standard_normal((2, 6), (0, 0))
    alone = generator(noise[:1], training=False)
    np.testing.assert_allclose(synthetic_images(generator, 2)[:1], alone, atol=1e-6)
