"""Files tried in a process of their own, before this process opens them."""

import functools
import hashlib
import os
import pathlib
import signal
import subprocess
import sys

from mosaickd_tf.errors import RequestError

_PACKAGES = str(pathlib.Path(__file__).resolve().parents[2])  # where this package is imported from
_CHILD = ["-P", "-m", "mosaickd_tf.vetting.child"]
SECONDS = 20  # that a trial may take, and one more for each
_BYTES_A_SECOND = 5_000_000


def examine_weights(path):
    """Reads all weights of a .keras file in another process.

    Raises:
        RequestError: for weights that cannot be read, or not within the limits.
    """
    _examine("weights", path, "a .keras file whose weights can be read")


def examine_tflite(path):
    """Checks the structure of a .tflite file and runs it once, in another process.

    Raises:
        RequestError: for a file that is missing, no model of built-in operations, or that
            cannot be run within the limits.
    """
    if not pathlib.Path(path).is_file():
        raise RequestError(
            f"No such file. Expected a .tflite file. Received: {str(path)!r}. Mind that a relative "
            "path starts where the command is run"
        )
    _examine("tflite", path, "a .tflite file of operations that LiteRT has built in")


def _examine(kind, path, expected):
    fault = _fault(kind, os.path.abspath(path), _digest(path))
    if fault:
        raise RequestError(
            f"Not a readable model. Expected {expected}. Received: {str(path)!r} ({fault}). Get "
            "the file again from where it comes, or export it anew"
        )


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=256)
def _fault(kind, path, digest):
    """What is wrong with a file in words, or None; the digest stands for its content."""
    allowed = SECONDS + os.path.getsize(path) // _BYTES_A_SECOND
    words = [sys.executable, *_CHILD, kind, path]
    packages = filter(None, [_PACKAGES, os.environ.get("PYTHONPATH")])
    try:
        answer = subprocess.run(
            words,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(packages)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=allowed,
        )
    except subprocess.TimeoutExpired:
        return f"reading it took more than {allowed} seconds"
    if answer.returncode < 0:
        return f"its reader crashed, {signal.Signals(-answer.returncode).name}"
    lines = answer.stdout.decode("utf-8", "replace").splitlines()
    if answer.returncode or not lines:
        return "its reader failed"
    return None if lines[-1] == "fine" else lines[-1]
