"""What outlives the round in which it was made, part of a distiller's state."""

import tensorflow as tf

from mosaickd_tf.utils.stateless_random import random_bits


class ImageMemory(tf.Module):
    """A ring of images in bytes; the oldest leave first.

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
        """How many images it holds now, an int64 scalar."""
        return tf.minimum(self.written, self.size)

    def add(self, unit_images):
        """Keeps `(n, height, width, channels)` images; the first of them if n is above its size."""
        kept = tf.cast(tf.round(unit_images[: self.size] * 255.0), "uint8")
        count = tf.shape(kept, out_type="int64")[0]
        rows = (self.written + tf.range(count)) % self.size
        self.images.scatter_nd_update(rows[:, tf.newaxis], kept)
        self.written.assign_add(count)

    def draw(self, count, seed):
        """Unit images `(count, height, width, channels)` at random, a function of the seed.

        They are black as long as nothing was kept.
        """
        filled = tf.cast(tf.maximum(self.filled, 1), "uint32")
        return self._unit(tf.cast(random_bits((count,), seed) % filled, "int64"))

    def latest(self, count):
        """The `count` images that were kept last, newest first, again from there if fewer."""
        age = tf.range(count, dtype="int64") % tf.maximum(self.filled, 1)
        return self._unit((self.written - 1 - age) % self.size)

    def _unit(self, rows):
        return tf.cast(tf.gather(self.images, rows), "float32") / 255.0


class FirstValues(tf.Module):
    """The values that a network has now, kept to start from again.

    Args:
        network: a built Keras model.
    """

    def __init__(self, network):
        super().__init__()
        self.values = [tf.Variable(v.numpy(), trainable=False) for v in network.variables]

    def bring_back(self, network):
        """Gives them to the network that they came from, or one like it."""
        for variable, value in zip(network.variables, self.values, strict=True):
            variable.assign(value)
