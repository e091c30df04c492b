"""Verification of exported files: each is loaded again, run, and compared with the student."""

import gzip
import pathlib
import time

import numpy as np
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.errors import RunError
from mosaickd_tf.tasks import TASKS
from mosaickd_tf.utils import machine

TOLERANCE = 1e-4
LATENCY_RUNS = 100


def verify_export(
    path,
    expected,
    images,
    labels=None,
    *,
    min_agreement=None,
    outputs="probabilities",
    task=TASKS["single_label"],
):
    """Runs an exported file on images and compares its outputs with the student's.

    Args:
        path: a .keras file, a .tflite file or a SavedModel folder.
        expected: outputs of the student, `(n, num_classes)`.
        images: uint8 `(n, height, width, channels)`.
        labels: as the task has them, or None.
        min_agreement: in [0, 1], the required share of predictions that equal the student's;
            with None the outputs themselves must.
        outputs: "probabilities" or "logits", the outputs of both.
        task: `Task` of the student.

    Returns:
        An entry of `exports` in result.json without its format.

    Raises:
        RunError: when an output is not finite, differs by more than the tolerance, or
            disagrees too often.
    """
    path = pathlib.Path(path)
    received = _predict(path, images)
    difference = float(np.max(np.abs(received - expected)))
    agreement = task.agreement(received, expected, outputs, outputs)
    tolerance = TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
    _check_match(path, difference, tolerance, agreement, min_agreement)
    accuracy = None if labels is None else task.metrics(received, labels, outputs)["accuracy"]
    is_tflite = path.suffix == ".tflite"
    contents = _contents(path)
    return {
        "path": path.name,
        "bytes": sum(map(len, contents)),
        "gzip_bytes": sum(len(gzip.compress(content, mtime=0)) for content in contents),
        "accuracy": accuracy,
        "agreement_with_student": agreement,
        "max_abs_difference": difference,
        "latency_ms": latency_ms(path, images[:1]) if is_tflite else None,
        "threads": 1 if is_tflite else None,
        "latency_ms_all_threads": (
            latency_ms(path, images[:1], machine.cores()) if is_tflite else None
        ),
    }


def _check_match(path, difference, tolerance, agreement, min_agreement):
    """Raises `RunError` unless outputs are within a tolerance, or predictions agree enough."""
    if min_agreement is None:
        matches, measured = difference <= tolerance, difference
        requirement = f"outputs within {TOLERANCE:g}"
    else:
        matches = np.isfinite(difference) and agreement >= min_agreement
        measured = agreement if np.isfinite(difference) else difference
        requirement = f"finite outputs and an agreement of at least {min_agreement:g}"
    if not matches:
        raise RunError(
            f"The export {path.name!r} does not match the student. Expected {requirement}. "
            f"Received: {measured:g}"
        )


def _predict(path, images):
    if not path.is_dir():
        return evaluation.open_model(path).predict(images)
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    batches = np.array_split(images, -(-len(images) // evaluation.BATCH_SIZE))
    rows = [next(iter(signature(images=tf.constant(b)).values())).numpy() for b in batches]
    return np.concatenate(rows)


def _contents(path):
    """Returns the bytes of a file, or of each file in a folder."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return [file.read_bytes() for file in paths if file.is_file()]


def latency_ms(path, image, threads=1):
    """Measures the median time of one image, in milliseconds.

    Args:
        path: a .tflite file.
        image: uint8 `(1, height, width, channels)`.
        threads: number of threads of the runtime.
    """
    model = evaluation.TfliteModel(path, threads=threads)
    seconds = []
    for _ in range(LATENCY_RUNS):
        began = time.perf_counter()
        model.predict(image)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)) * 1e3
