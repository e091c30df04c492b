"""Collections of images as a user has them, converted to one uint8 array."""

import pathlib

import numpy as np
import tensorflow as tf

from mosaickd_tf.data.images import MODES, ImageSet
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.images import to_uint8

_EXPECTED = "Expected uint8, or floats in [0, 1], `(n, height, width, channels)`"
_LOAD = "Load them first, as by `mosaickd_tf.data.load_ood(config).images`"


def as_uint8_images(images):
    """Converts a finite collection of images to a uint8 array `(n, height, width, channels)`.

    Args:
        images: an array, list or finite `tf.data.Dataset` as described in `streams.rounds`.

    Returns:
        A uint8 array.

    Raises:
        RequestError: for an endless or empty collection, and one whose elements are not images
            of one shape, channels last, that are uint8 or floats in [0, 1].
    """
    if isinstance(images, tf.data.Dataset):
        images = _read_dataset(images)
    images = _as_array(images)
    _check_shape(images.shape)
    if images.dtype == np.uint8:
        if images.max() == 1:
            raise _refusal("uint8 of 0 and 1 alone", "Multiply by 255 before `astype('uint8')`")
        return images
    if images.dtype.kind != "f":
        received = f"{images.dtype} from {images.min()} to {images.max()}"
        way = "Convert pixels in [0, 255] by `astype('uint8')`"
        raise _refusal(received, way)
    _check_unit(images)
    return to_uint8(images)


def _check_shape(shape):
    if len(shape) != 4 or 0 in shape:
        advice = " Add an axis to a single image: `images[None]`" if len(shape) == 3 else ""
        raise RequestError(
            "`images` must hold at least one image. Expected `(n, height, width, channels)`. "
            f"Received: {shape}.{advice or ' Give the images'}"
        )
    if shape[1] in MODES and shape[3] not in MODES:
        raise _refusal(
            f"{shape}, whose channels are first", "Move them last: `images.transpose(0, 2, 3, 1)`"
        )


def _check_unit(images):
    low, high = float(images.min()), float(images.max())
    received = f"{images.dtype} from {low:.3g} to {high:.3g}"
    if not (np.isfinite(low) and np.isfinite(high)):
        raise _refusal(f"{received}, not all finite", "Leave out or repair such images")
    if low < 0 and low >= -1 and high <= 1:
        raise _refusal(received, "Map pixels in [-1, 1] by `(images + 1) / 2`")
    if low < 0 or high > 1:
        raise _refusal(received, "Divide pixels in [0, 255] by 255")
    if 0 < high < 1.5 / 255:  # at most one of 256 levels
        raise _refusal(f"{received}, all black", "Divide pixels by 255 once only")


def _as_array(images):
    """Returns images as an array; refuses what has no common shape and numbers."""
    if isinstance(images, ImageSet):
        raise _refusal("an ImageSet", "Give its array: `images.images`")
    if isinstance(images, str | pathlib.PurePath):
        raise _refusal(f"{str(images)!r}", _LOAD)
    if isinstance(images, dict):
        raise _refusal(f"a dict with the keys {_keys(images)}", "Give the images alone")
    try:
        array = np.asarray(images)
    except (ValueError, TypeError) as error:  # images of several shapes
        pair = isinstance(images, tuple) and len(images) > 1
        way = "Give the images alone: `images[0]`" if pair else "Resize them first"
        raise RequestError(
            "`images` must have one shape. Expected `(n, height, width, channels)`. Received: "
            f"{'a tuple of arrays' if pair else 'images'} of several. {way}"
        ) from error
    if array.dtype.kind == "b":
        raise _refusal("an array of bool", "Convert it: `images.astype('float32')`")
    if array.dtype.kind not in "fiu" and str(array.dtype) != "bfloat16":
        is_text = array.dtype.kind in "SU"
        received = f"an array of {array.dtype}" if array.ndim else type(images).__name__
        raise _refusal(received, _LOAD if is_text else "Give an array, a list or a tf.data.Dataset")
    return array.astype("float32") if array.dtype.kind == "V" else array


def _read_dataset(dataset):
    """Returns the images of a finite data set as one array."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise RequestError(
            "`images` must end. Expected a finite data set. Received: one that repeats endlessly. "
            "Leave `repeat()` out, or take a part of it: `dataset.take(n)`"
        )
    _check_spec(dataset.element_spec)
    first = (row[0] if isinstance(row, tuple) else row for row in dataset.as_numpy_iterator())
    batches = [row if row.ndim == 4 else row[np.newaxis] for row in first]
    shapes = {batch.shape[1:] for batch in batches}
    if len(shapes) > 1:
        raise RequestError(
            "`images` must have one shape. Expected `(n, height, width, channels)`. Received: a "
            f"data set of images of {len(shapes)} shapes. Resize them first"
        )
    return np.concatenate(batches) if batches else np.empty((0,))


def _check_spec(spec):
    """Refuses a data set whose elements are not images, or tuples that begin with images."""
    if isinstance(spec, dict):
        raise _not_images(f"dicts with the keys {_keys(spec)}", "dataset.map(lambda row: row[KEY])")
    parts = spec if isinstance(spec, tuple) else (spec,)
    if parts and _may_be_images(parts[0]):
        return
    places = [place for place, part in enumerate(parts) if _may_be_images(part)]
    if places:
        way = f"dataset.map(lambda *row: row[{places[0]}])"
        raise _not_images("tuples that do not begin with images", way)
    described = getattr(parts[0], "shape", None) if parts else None
    if described is None:
        raise _not_images(type(spec).__name__, "dataset.map(lambda row: IMAGES)")
    received = f"elements of shape {described} and {parts[0].dtype.name}"
    raise _not_images(received, "dataset.map(lambda row: IMAGES)")


def _may_be_images(spec):
    is_tensor = isinstance(spec, tf.TensorSpec)
    is_number = is_tensor and (spec.dtype.is_floating or spec.dtype.is_integer)
    return is_number and spec.shape.rank in (None, 3, 4)


def _not_images(received, way):
    return RequestError(
        "`images` must be a data set of images or of `(image, label)` pairs. Received: "
        f"{received}. Map it to the images alone: `{way}`"
    )


def _refusal(received, way):
    return RequestError(f"`images` must be images. {_EXPECTED}. Received: {received}. {way}")


def _keys(mapping):
    return sorted(map(str, mapping))
