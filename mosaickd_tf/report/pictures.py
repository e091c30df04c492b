"""Grids of images."""

import numpy as np
from PIL import Image

from mosaickd_tf import files

GAP = 1
SHOWN_SIDE = 64  # each image is enlarged to about so many pixels


def image_grid(unit_images, columns=8):
    """Lays images out in rows, with a gap of one pixel between them.

    Args:
        unit_images: `(n, height, width, channels)` in [0, 1], 1 or 3 channels.
        columns: images in a row.

    Returns:
        Uint8 `(rows · (height + 1) − 1, columns · (width + 1) − 1, channels)`, white between
        and after the images.
    """
    images = np.round(np.clip(unit_images, 0, 1) * 255).astype(np.uint8)
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


def save_grid(path, unit_images, columns=8):
    """Writes a grid as PNG, small images enlarged without smoothing."""
    sheet = image_grid(np.asarray(unit_images), columns)
    picture = Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)
    factor = max(1, SHOWN_SIDE // unit_images.shape[1])
    picture = picture.resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
    )
    with files.whole(path) as partial:
        picture.save(partial)
