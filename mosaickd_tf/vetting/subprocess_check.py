"""Files checked in a subprocess, before this process opens them."""

import functools
import hashlib
import os
import pathlib
import signal
import subprocess
import sys

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import environment

_WORKER = ["-P", "-m", "mosaickd_tf.vetting.check_worker"]
SECONDS = 20  # that a check may take, plus one for every
_BYTES_PER_SECOND = 5_000_000


def examine_weights(path):
    """Reads all weights of a .keras file in a subprocess.

    Raises:
        RequestError: for weights that cannot be read, or not within the limits.
    """
    _examine("weights", path, "a .keras file whose weights can be read")


def examine_hdf5(path):
    """Reads all arrays and attributes of an HDF5 file in a subprocess.

    Raises:
        RequestError: for a file that cannot be read, or not within the limits.
    """
    _examine("hdf5", path, "an HDF5 file whose weights can be read")


def examine_tflite(path):
    """Checks the structure of a .tflite file and runs it, in a subprocess.

    Raises:
        RequestError: for a file that is missing, is no model of built-in operations, or
            cannot be run within the limits.
    """
    if not pathlib.Path(path).is_file():
        raise RequestError(
            f"No such file. Expected a .tflite file. Received: {str(path)!r}. A relative path "
            "starts at the current folder"
        )
    _examine("tflite", path, "a .tflite file of operations that LiteRT has built in")


def takes_batches(path):
    """Returns whether a .tflite file that was examined can be run on several images at once."""
    return _fault("tflite_batches", os.path.abspath(path), _digest(path)) is None


def _examine(kind, path, expected):
    fault = _fault(kind, os.path.abspath(path), _digest(path))
    if fault:
        raise RequestError(
            f"Not a readable model. Expected {expected}. Received: {str(path)!r} ({fault}). Get "
            "the file again from its source, or export it again"
        )


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=256)
def _fault(kind, path, digest):
    """Returns the fault of a file as text, or None; the digest keys the cache by content."""
    timeout = SECONDS + os.path.getsize(path) // _BYTES_PER_SECOND
    command = [sys.executable, *_WORKER, kind, path]
    try:
        result = subprocess.run(
            command,
            env=environment.of_child(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return f"reading it took more than {timeout} seconds"
    if result.returncode < 0:
        return f"its reader crashed, {signal.Signals(-result.returncode).name}"
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    if result.returncode or not lines:
        return "its reader failed"
    return None if lines[-1] == "ok" else lines[-1]
