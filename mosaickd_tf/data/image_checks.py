"""Warnings about images from which little can be learned: few, equal, small or cut ones."""

import logging

import numpy as np

from mosaickd_tf.utils.text import printable

logger = logging.getLogger(__name__)


def warn_of_few(images, batch_size):
    """Logs a warning where there are fewer images than in a batch, which then repeats them.

    Args:
        images: an `ImageSet`.
        batch_size: images in a batch.
    """
    if len(images) < batch_size:
        logger.warning(
            "%s: only %d images, fewer than the %d of a batch, which repeats them; more and more "
            "varied ones teach more",
            printable(images.source),
            len(images),
            batch_size,
        )


def warn_of_equal(name, images):
    """Logs a warning where all images are the same, or of one color.

    Args:
        name: of the data set.
        images: uint8 `(n, height, width, channels)`.
    """
    if len(images) > 1 and all(np.array_equal(image, images[0]) for image in images):
        logger.warning("%s: all images are the same", printable(name))
    elif images.min() == images.max():
        logger.warning("%s: all images are black, or of one color", printable(name))


def warn_of_sizes(name, sizes, image_shape):
    """Logs a warning where images are enlarged, or where most of an image is cut off.

    Args:
        name: of the data set.
        sizes: integers `(n, 2)`, the width and height of each image as it was read.
        image_shape: `(height, width, channels)` to which they were resized and cropped.
    """
    height, width, _ = image_shape
    scales = np.array([width, height]) / sizes
    enlarged = int((scales.max(axis=1) > 1).sum())
    if enlarged:
        logger.warning(
            "%s: %d of %d images are smaller than %dx%d and were enlarged",
            printable(name),
            enlarged,
            len(sizes),
            height,
            width,
        )
    cut = int((scales.max(axis=1) > 2 * scales.min(axis=1)).sum())
    if cut:
        logger.warning(
            "%s: %d of %d images are long and were cropped to their middle, less than half of them",
            printable(name),
            cut,
            len(sizes),
        )
