"""Grids of images."""

import numpy as np
from PIL import Image

from mosaickd_tf.data import image_files
from mosaickd_tf.data.images import as_pil_image
from mosaickd_tf.utils import files

GAP = 1
SHOWN_SIDE = 64  # side in pixels that each image is enlarged to, approximately
CLASSES = 20  # rows of a grid by class
A_CLASS = 10  # images in a row


def image_grid(images, columns=8):
    """Arranges images in rows, with a gap of one pixel between them.

    Args:
        images: uint8 `(n, height, width, channels)`, 1 or 3 channels.
        columns: images in a row.

    Returns:
        Uint8 `(rows · (height + 1) − 1, columns · (width + 1) − 1, channels)`, white between
        and after the images.
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    sheet = np.full(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), 255, np.uint8
    )
    for number, image in enumerate(images):
        top = number // columns * (height + GAP)
        left = number % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet


def save_grid(path, images, columns=8):
    """Writes a grid as PNG, with small images enlarged by nearest-neighbor interpolation."""
    sheet = image_grid(images, columns)
    image = as_pil_image(sheet)
    factor = _factor(images.shape[1:3])
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    with files.atomic_write(path) as partial:
        image.save(partial)


def cut_grid(path, size):
    """Cuts a grid that `save_grid` wrote into its images.

    Args:
        path: the PNG file.
        size: side of an image in pixels, or `(height, width)`.

    Returns:
        Uint8 `(rows, columns, height, width, channels)`; empty when the grid does not fit that
        size.
    """
    height, width = _pair(size)
    factor = _factor((height, width))
    sheet = np.asarray(image_files.read(path))[::factor, ::factor]
    sheet = sheet.reshape(*sheet.shape[:2], -1)
    # With a gap after the last image too, all cells have one size.
    sheet = np.pad(sheet, ((0, GAP), (0, GAP), (0, 0)))
    rows, spare_rows = divmod(sheet.shape[0], height + GAP)
    columns, spare_columns = divmod(sheet.shape[1], width + GAP)
    if spare_rows or spare_columns:
        return np.empty((0, 0, height, width, sheet.shape[-1]), np.uint8)
    cells = sheet.reshape(rows, height + GAP, columns, width + GAP, -1).swapaxes(1, 2)
    return cells[:, :, :height, :width]


def by_class(images, has_label, counts):
    """Selects the first images of each shown class, a row of `A_CLASS` images each.

    Args:
        images: uint8 `(n, height, width, channels)`.
        has_label: function of the number of a class that returns which images have it, `(n,)`.
        counts: number of images of each class.

    Returns:
        Uint8 `(rows · A_CLASS, height, width, channels)`, white where a class has fewer.
    """
    rows = np.full((len(shown_classes(counts)), A_CLASS, *images.shape[1:]), 255, np.uint8)
    for row, number in zip(rows, shown_classes(counts), strict=True):
        found = images[has_label(number)][:A_CLASS]
        row[: len(found)] = found
    return rows.reshape(-1, *images.shape[1:])


def shown_classes(counts):
    """Returns the class indices of a grid by class, in order: all, or the most frequent ones."""
    most = sorted(range(len(counts)), key=lambda number: -counts[number])
    return sorted(most[:CLASSES])


def thumbnails(images):
    """Reduces images of 128 or more pixels a side by averaging squares of pixels.

    Args:
        images: uint8 `(n, height, width, channels)`.

    Returns:
        Uint8 `(n, *thumbnail_size((height, width)), channels)`.
    """
    count, *size, channels = images.shape
    height, width = thumbnail_size(size)
    square = _square(size)
    cropped = images[:, : height * square, : width * square]
    squares = cropped.reshape(count, height, square, width, square, channels)
    return np.round(squares.mean(axis=(2, 4))).astype(np.uint8)


def thumbnail_size(size):
    """Returns height and width in pixels of the thumbnail of an image.

    Args:
        size: side of the image in pixels, or `(height, width)`.
    """
    height, width = _pair(size)
    square = _square((height, width))
    return height // square, width // square


def _square(size):
    """Returns the side of the squares of pixels that a thumbnail averages: by the longer side."""
    return min(max(1, max(size) // SHOWN_SIDE), *size)


def _factor(size):
    return max(1, SHOWN_SIDE // max(size))


def _pair(size):
    return tuple(size) if isinstance(size, tuple | list) else (size, size)
