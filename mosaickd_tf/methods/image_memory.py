"""A memory of synthetic images and the teacher's logits of them, part of a distiller's state."""

import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.utils.stateless_random import random_bits


class ImageMemory(tf.Module):
    """A ring buffer of uint8 images; the oldest are replaced first.

    Args:
        size: images that it holds, at least 1.
        image_shape: `(height, width, channels)`.
        num_outputs: number of the teacher's logits that are kept with each image; 0 for none.
    """

    def __init__(self, size, image_shape, num_outputs=0):
        super().__init__()
        self.size = size
        self.images = tf.Variable(tf.zeros((size, *image_shape), "uint8"), trainable=False)
        self.logits = None
        if num_outputs:
            self.logits = tf.Variable(tf.zeros((size, num_outputs)), trainable=False)
        self.written = tf.Variable(tf.zeros((), "int64"), trainable=False)

    @property
    def filled(self):
        """Number of images that it holds, an int64 scalar."""
        return tf.minimum(self.written, self.size)

    def add(self, unit_images, logits=None):
        """Keeps images, the first of them if there are more than it holds.

        Args:
            unit_images: `(n, height, width, channels)`.
            logits: `(n, num_outputs)`, where the memory keeps them. Logits that are not finite are
                kept as 0, so that they do not come back in later updates.
        """
        kept = tf.cast(tf.round(unit_images[: self.size] * 255.0), "uint8")
        added = tf.shape(kept, out_type="int64")[0]
        rows = (self.written + tf.range(added)) % self.size
        self.images.scatter_nd_update(rows[:, tf.newaxis], kept)
        if self.logits is not None:
            logits = tf.cast(logits[: self.size], "float32")
            logits = tf.where(tf.math.is_finite(logits), logits, 0.0)
            self.logits.scatter_nd_update(rows[:, tf.newaxis], logits)
        self.written.assign_add(added)

    def draw(self, count, seed):
        """Draws images at random.

        Args:
            count: number of images.
            seed: `(2,)`, of which the images are a function.

        Returns:
            Unit images `(count, height, width, channels)`, black while nothing was kept; and their
            logits `(count, num_outputs)`, or None in a memory without any.
        """
        filled = tf.cast(tf.maximum(self.filled, 1), "uint32")
        rows = tf.cast(random_bits((count,), seed) % filled, "int64")
        return self._unit(rows), None if self.logits is None else tf.gather(self.logits, rows)

    def latest(self, count):
        """Returns the `count` images that were kept last, newest first; repeated if fewer."""
        age = tf.range(count, dtype="int64") % tf.maximum(self.filled, 1)
        return self._unit((self.written - 1 - age) % self.size)

    def _unit(self, rows):
        return tf.cast(tf.gather(self.images, rows), "float32") / 255.0


def optional_memory(size, generator, teacher):
    """Returns an `ImageMemory` of a generator's images and a teacher's logits; None for size 0.

    Args:
        size: images that it holds, at least 0.
        generator: Keras model to unit images `(batch, height, width, channels)`.
        teacher: Keras model from such images to logits `(batch, outputs)`.

    Raises:
        RequestError: for a generator or a teacher whose shapes Keras does not know.
    """
    if not size:
        return None
    image_shape = known_shape(generator, "output") or (None,)
    outputs = known_shape(teacher, "output") or (None,)
    if None in (*image_shape, *outputs):
        name = "generator" if None in image_shape else "teacher"
        model = generator if None in image_shape else teacher
        raise RequestError(
            f"`replay_images` needs a `{name}` of known shapes. Expected a functional or "
            f"sequential model. Received: {model.name!r}. Build it of layers, or use 0"
        )
    return ImageMemory(size, image_shape, outputs[-1])
