"""The teacher's logits of augmented OOD images, computed once and kept in files.

A view is the augmentation of all images in one pass of the stream. Where a stream repeats its first
views, the teacher need not be run on them again.
"""

import logging
import pathlib

import numpy as np

from mosaickd_tf.data import streams
from mosaickd_tf.data.teacher_predictions import fingerprint
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

VIEWS = "views"  # folder of the files in that of a run
_CHUNK = 4096  # images of a view that are augmented at once


def stored_views(teacher, images, predict, *, views, seed, folder, megabytes):
    """Returns a teacher's logits of the first views of a stream, from files or computed.

    There is a file for each view, named by teacher, images and seed. One that is damaged, or of
    another shape, is written again.

    Args:
        teacher: Keras model from unit images to logits.
        images: uint8 `(n, height, width, channels)`, those of the stream.
        predict: function of a teacher and uint8 images that returns logits.
        views: their number, at least 1.
        seed: of the stream.
        folder: that of the files.
        megabytes: of 10^6 bytes, what the logits may take; above it there are fewer views.

    Returns:
        Float16 `(views, n, outputs)`, float32 where a logit is too large for it; or None where not
        even one view fits.
    """
    fitting = fitting_views(teacher, len(images), views, megabytes)
    if fitting < views:
        logger.warning(
            "%d of %d views are stored (`store_megabytes`)%s",
            fitting,
            views,
            "" if fitting else ": the teacher is run in each update",
        )
    if not fitting:
        return None
    name = f"{fingerprint(teacher, images)}-{seed}"
    logits = [
        _of_view(teacher, images, predict, view, seed, pathlib.Path(folder) / f"{name}-{view}.npz")
        for view in range(fitting)
    ]
    return np.stack(logits)


def fitting_views(teacher, num_images, views, megabytes):
    """Returns how many of the views fit in that many megabytes of 10^6 bytes, as float16."""
    return min(views, int(megabytes * 10**6) // (2 * num_images * teacher.output_shape[-1]))


def _of_view(teacher, images, predict, view, seed, path):
    shape = (len(images), teacher.output_shape[-1])
    logits = _read(path, shape)
    if logits is None:
        parts = streams.transfer_view(images, view, seed=seed, chunk=_CHUNK)
        logits = np.concatenate([predict(teacher, part) for part in parts])
        with np.errstate(over="ignore"):
            half = logits.astype(np.float16)
        logits = half if np.isfinite(half).all() else logits
        with files.atomic_write(path) as partial:
            np.savez(partial, logits=logits)
    return logits


def _read(path, shape):
    """Reads a file, whose content has a checksum; returns None unless it is whole."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            logits = stored["logits"]
    except Exception:  # a broken file makes NumPy raise anything
        return None
    is_right = logits.shape == shape and logits.dtype in (np.float16, np.float32)
    return logits if is_right else None
