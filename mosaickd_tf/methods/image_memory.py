"""A memory of synthetic images, part of a distiller's state."""

import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.utils.stateless_random import random_bits


class ImageMemory(tf.Module):
    """A ring buffer of uint8 images; the oldest are replaced first.

    Args:
        size: images that it holds, at least 1.
        image_shape: `(height, width, channels)`.
    """

    def __init__(self, size, image_shape):
        super().__init__()
        self.size = size
        self.images = tf.Variable(tf.zeros((size, *image_shape), "uint8"), trainable=False)
        self.written = tf.Variable(tf.zeros((), "int64"), trainable=False)

    @property
    def filled(self):
        """Number of images that it holds, an int64 scalar."""
        return tf.minimum(self.written, self.size)

    def add(self, unit_images):
        """Keeps `(n, height, width, channels)` images; the first of them if n is above its size."""
        kept = tf.cast(tf.round(unit_images[: self.size] * 255.0), "uint8")
        count = tf.shape(kept, out_type="int64")[0]
        rows = (self.written + tf.range(count)) % self.size
        self.images.scatter_nd_update(rows[:, tf.newaxis], kept)
        self.written.assign_add(count)

    def draw(self, count, seed):
        """Returns random unit images `(count, height, width, channels)`, a function of the seed.

        They are black while nothing was kept.
        """
        filled = tf.cast(tf.maximum(self.filled, 1), "uint32")
        return self._unit(tf.cast(random_bits((count,), seed) % filled, "int64"))

    def latest(self, count):
        """Returns the `count` images that were kept last, newest first; repeated if fewer."""
        age = tf.range(count, dtype="int64") % tf.maximum(self.filled, 1)
        return self._unit((self.written - 1 - age) % self.size)

    def _unit(self, rows):
        return tf.cast(tf.gather(self.images, rows), "float32") / 255.0


def optional_memory(size, generator):
    """Returns an `ImageMemory` of images of a generator, or None for a size of 0.

    Args:
        size: images that it holds, at least 0.
        generator: Keras model to unit images `(batch, height, width, channels)`.

    Raises:
        RequestError: for a generator whose shapes Keras does not know.
    """
    if not size:
        return None
    image_shape = known_shape(generator, "output")
    if not image_shape or None in image_shape:
        raise RequestError(
            "`replay_images` needs a `generator` of known shapes. Expected a functional or "
            f"sequential model. Received: {generator.name!r}. Build it of layers, or use 0"
        )
    return ImageMemory(size, image_shape)
