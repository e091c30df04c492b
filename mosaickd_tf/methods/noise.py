"""Noise of a round: a function of the seed, the round and its purpose."""

import tensorflow as tf

from mosaickd_tf.data.augmentation import (
    change_contrast,
    contrast_draws,
    transform,
    transform_draws,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import check_built, known_shape
from mosaickd_tf.models.graph.output_activation import output_activation
from mosaickd_tf.models.sampling import synthetic_images
from mosaickd_tf.utils.stateless_random import standard_normal

# Purposes; the student's updates follow, one number each.
GENERATOR, REAL_CROPS, FAKE_CROPS, STUDENT = range(4)
# Added to the purpose of the images that are changed; apart for up to 297 student updates.
TRANSFORM, PHOTOMETRIC = 300, 600


def round_seed(seed, rounds_completed, purpose):
    """Returns a seed `(2,)` for one purpose in a round.

    Args:
        seed: of the run, at least 0.
        rounds_completed: int64 scalar.
        purpose: an integer below 1,000.
    """
    return tf.stack([tf.constant(seed, "int64"), rounds_completed * 1000 + purpose])


class NoiseSource:
    """Draws the noise of a generator.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images.
        teacher: Keras model that takes such images.
        seed: at least 0.
        rounds_completed: int64 variable.
        noise_dim: length of the noise; needed only for a subclassed generator, whose input shape
            Keras does not know.

    Raises:
        RequestError: when generator and teacher do not fit together, or the length is not known.
    """

    def __init__(self, generator, teacher, *, seed, rounds_completed, noise_dim=None):
        check_built(generator=generator)
        _check_makes_unit_images(generator)
        _check_image_shape(generator, teacher)
        noise_dim = noise_dim or (known_shape(generator, "input") or (0,))[-1]
        if noise_dim < 1:
            raise RequestError(
                "`noise_dim` is needed with a generator of unknown input shape. Expected at least "
                f"1. Received: {noise_dim}"
            )
        self.noise_dim = noise_dim
        self._generator = generator
        self._seed = seed
        self._rounds_completed = rounds_completed

    def __call__(self, batch_size, purpose):
        """Returns standard normal noise `(batch_size, noise_dim)` for a purpose in this round."""
        seed = round_seed(self._seed, self._rounds_completed, purpose)
        return standard_normal((batch_size, self.noise_dim), seed)

    def samples(self, count):
        """Returns images of the generator in inference mode, from the same noise each time."""
        return synthetic_images(
            self._generator, count, seed=(self._seed, 0), noise_dim=self.noise_dim
        )


def noise_source(distiller, generator, noise_dim=None):
    """Returns the `NoiseSource` of a distiller's generator.

    Args:
        distiller: a `Distiller` that has its teacher, seed and count of rounds.
        generator: as of `NoiseSource`.
        noise_dim: as of `NoiseSource`.

    Raises:
        RequestError: as `NoiseSource`.
    """
    return NoiseSource(
        generator,
        distiller.teacher,
        seed=distiller.seed,
        rounds_completed=distiller.rounds_completed,
        noise_dim=noise_dim,
    )


def transformed(images, distiller, purpose):
    """Transforms unit images at random, in other ways for each purpose and round, if asked for.

    Args:
        images: `(batch, height, width, channels)` in [0, 1]; differentiable.
        distiller: the `Distiller` whose round it is; its `config.transform_synthetic` says
            whether they are changed at all.
        purpose: an integer below 300.

    Returns:
        Images of the same shape in [0, 1], see `data.augmentation.transform`.
    """
    if not distiller.config.transform_synthetic:
        return images
    draws = transform_draws(count(images), distiller.stateless_seed(TRANSFORM + purpose))
    return transform(images, draws)


def photometric(images, distiller, purpose):
    """Changes contrast and brightness of unit images at random, in other ways each time.

    Args:
        images: `(batch, height, width, channels)` in [0, 1].
        distiller: the `Distiller` whose round it is.
        purpose: an integer below 300.

    Returns:
        Images of the same shape in [0, 1], see `data.augmentation.change_contrast`.
    """
    draws = contrast_draws(count(images), distiller.stateless_seed(PHOTOMETRIC + purpose))
    return change_contrast(images, draws)


def count(images):
    """Returns the number of images in a batch, a Python int where the graph knows it."""
    return tf.shape(images)[0] if images.shape[0] is None else images.shape[0]


def _check_makes_unit_images(generator):
    if output_activation(generator) == "tanh":
        raise RequestError(
            "`generator` must make unit images, in [0, 1]. Expected a last activation such as "
            "sigmoid. Received: tanh, in [-1, 1]. Put keras.layers.Rescaling(0.5, 0.5) behind it"
        )


def _check_image_shape(generator, teacher):
    expected, received = known_shape(teacher, "input"), known_shape(generator, "output")
    if expected and received and received != expected:
        raise RequestError(
            f"The generator must make images of the teacher's input shape {expected}. "
            f"Received: {received}"
        )
