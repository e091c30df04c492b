"""Conversion of images between the forms that this package keeps them in."""

import numpy as np


def to_uint8(unit_images):
    """Converts unit images to uint8.

    Args:
        unit_images: an array or tensor of any shape; values outside [0, 1] are clipped.

    Returns:
        A uint8 NumPy array of the same shape, `255 * unit_images` rounded to the nearest integer,
        halves to the even one.
    """
    unit_images = np.asarray(unit_images)
    precision = np.promote_types(unit_images.dtype, np.float32)  # a low one would round before us
    unit_images = np.clip(unit_images.astype(precision, copy=False), 0.0, 1.0)
    return np.round(unit_images * 255).astype(np.uint8)
