"""Check of the data on which a method is trained by `fit`."""

import tensorflow as tf

from mosaickd_tf.errors import RequestError

_KEYS = ("patch_images", "transfer_images")
_RANKS = {"patch_images": 4, "transfer_images": 5}
_WAY = "Build it by `mosaickd_tf.data.rounds(images, batch_size=...)`"


def check_fit(distiller, x):
    """Checks that a distiller can be trained on data, once, before `fit` traces anything.

    The first round of the data is read for it.

    Args:
        distiller: a `Distiller`.
        x: the first argument of `fit`.

    Raises:
        RequestError: before `compile`; for data without the rounds' keys, of other shapes, or
            whose images are not floats in [0, 1].
    """
    if not distiller.compiled:
        raise RequestError(
            "The distiller is not compiled. Expected `compile()` before `fit`. Received: `fit`. "
            "Call `distiller.compile()` first"
        )
    if not isinstance(x, tf.data.Dataset):
        raise _refusal(type(x).__name__)
    spec = x.element_spec
    if not isinstance(spec, dict):
        raise _refusal(f"a data set of {type(spec).__name__}")
    missing = [key for key in _KEYS if key not in spec]
    if missing:
        raise _refusal(f"a data set of dicts without {missing[0]!r}")
    for batch in x.take(1):
        for key in _KEYS:
            _check_images(key, batch[key])


def _check_images(key, images):
    if images.shape.rank != _RANKS[key]:
        raise _refusal(f"{key!r} of shape {tuple(images.shape)}")
    if not images.dtype.is_floating:
        raise _refusal(f"{key!r} of {images.dtype.name}")
    low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise _refusal(f"{key!r} from {low:.3g} to {high:.3g}, not in [0, 1]")


def _refusal(received):
    return RequestError(
        "`x` must be a `tf.data.Dataset` of rounds: dicts of unit images with the keys "
        f"{' and '.join(map(repr, _KEYS))}. Received: {received}. {_WAY}"
    )
