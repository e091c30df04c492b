"""Each exported file is loaded again, run, and held against the student."""

import gzip
import pathlib
import time

import numpy as np
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.errors import RunError
from mosaickd_tf.utils import machine

TOLERANCE = 1e-4
LATENCY_RUNS = 100


def check(path, expected, images, labels=None, *, min_agreement=None):
    """Runs an exported file on real images and compares.

    Args:
        path: a .keras file, a .tflite file or a SavedModel folder.
        expected: what the student gives, `(n, num_classes)`.
        images: uint8 `(n, height, width, channels)`.
        labels: integers `(n,)`, or None.
        min_agreement: in [0, 1], the share of images on which the file must name the class
            that the student names; None asks for the student's outputs themselves.

    Returns:
        An entry of `exports` in result.json but for its format.

    Raises:
        RunError: when an output is not finite, differs by more than the tolerance, or
            disagrees too often.
    """
    path = pathlib.Path(path)
    received = _run(path, images)
    difference = float(np.max(np.abs(received - expected)))
    agreement = evaluation.agreement(received, expected)
    if min_agreement is None:
        tolerance = TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
        good, wanted, came = difference <= tolerance, f"outputs within {TOLERANCE:g}", difference
    else:
        good = np.isfinite(difference) and agreement >= min_agreement
        wanted = f"finite outputs and an agreement of at least {min_agreement:g}"
        came = agreement if np.isfinite(difference) else difference
    if not good:
        raise RunError(
            f"The export {path.name!r} does not match the student. Expected {wanted}. "
            f"Received: {came:g}"
        )
    is_tflite = path.suffix == ".tflite"
    contents = _contents(path)
    return {
        "path": path.name,
        "bytes": sum(map(len, contents)),
        "gzip_bytes": sum(len(gzip.compress(content, mtime=0)) for content in contents),
        "accuracy": None if labels is None else evaluation.top_k_accuracy(received, labels),
        "agreement_with_student": agreement,
        "max_abs_difference": difference,
        "latency_ms": latency_ms(path, images[:1]) if is_tflite else None,
        "threads": 1 if is_tflite else None,
        "latency_ms_all_threads": (
            latency_ms(path, images[:1], machine.cores()) if is_tflite else None
        ),
    }


def _run(path, images):
    if not path.is_dir():
        return evaluation.open_model(path).predict(images)
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    batches = np.array_split(images, -(-len(images) // evaluation.BATCH_SIZE))
    rows = [next(iter(signature(images=tf.constant(b)).values())).numpy() for b in batches]
    return np.concatenate(rows)


def _contents(path):
    """The bytes of a file, or of each file in a folder."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return [file.read_bytes() for file in paths if file.is_file()]


def latency_ms(path, image, threads=1):
    """Median time of one image, in milliseconds.

    Args:
        path: a .tflite file.
        image: uint8 `(1, height, width, channels)`.
        threads: of the runtime.
    """
    model = evaluation.TfliteModel(path, threads=threads)
    seconds = []
    for _ in range(LATENCY_RUNS):
        began = time.perf_counter()
        model.predict(image)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)) * 1e3
