"""Checks of an HDF5 file that Keras 1, 2 or 3 wrote, before its network is built."""

import json
import math

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import printable
from mosaickd_tf.vetting import subprocess_check

MAX_CONFIG = 2**23  # bytes of the description
_MAX_VERSION = 20  # characters


def examine_hdf5(path):
    """Examines the structure of an HDF5 file, in a subprocess, and reads its description.

    Args:
        path: the file.

    Returns:
        `(description, keras_version, size)`: the file's `model_config`; its version of Keras as
        text, empty if it does not say; the size of its arrays in bytes.

    Raises:
        RequestError: for a file that cannot be read within limits, holds weights alone, or has a
            description that is none.
    """
    size = examine_arrays(path)
    with open_hdf5(path) as file:
        version = printable(_text(file.attrs.get("keras_version", "")))[:_MAX_VERSION]
        if "model_config" not in file.attrs:
            raise _refusal(
                path,
                "weights only, without a network",
                "Name the network with `teacher_network` if it is one of keras.applications; "
                "otherwise build it in Python, load these weights and save it as .keras",
            )
        config = _text(file.attrs["model_config"])
    try:
        if len(config) > MAX_CONFIG:
            raise ValueError(f"a description of more than {MAX_CONFIG:,} bytes")
        description = json.loads(config)
        if not isinstance(description, dict):
            raise ValueError(f"a description that is a {type(description).__name__}")
    except (ValueError, RecursionError) as error:
        raise _refusal(path, f"a broken file ({error})", "Get it again from its source") from error
    return description, version, size


def examine_arrays(path):
    """Reads all arrays and attributes of an HDF5 file in a subprocess; returns their bytes.

    Raises:
        RequestError: for a file that cannot be read within limits.
    """
    subprocess_check.examine_hdf5(path)
    import h5py

    sizes = []
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, item: (
                sizes.append(math.prod(item.shape) * item.dtype.itemsize)
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return sum(sizes)


def open_hdf5(path):
    """Opens an HDF5 file that was examined, to be read; a context manager."""
    import h5py

    return h5py.File(path, "r")


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _refusal(path, received, advice):
    return RequestError(
        "Not a readable model. Expected an HDF5 file of a Keras model. Received: "
        f"{str(path)!r}, {received}. {advice}"
    )
