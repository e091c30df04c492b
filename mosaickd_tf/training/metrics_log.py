"""Metrics of a training at each evaluation: `metrics.jsonl`, TensorBoard, a line in the log."""

import json
import logging
import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.plugins.histogram import metadata as histogram

from mosaickd_tf.config import declared
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

# Names in a progress bar; terms have those of their declarations.
SHORT_NAMES = {
    "validation_accuracy": "accuracy",
    "validation_agreement": "agreement",
    "unlabeled_agreement": "agreement",
    "prediction_diversity": "diversity",
    "images_per_second": "images/s",
} | {name: term.short for name, term in declared.terms().items()}

# Names that version 0.1.0 wrote, in `metrics.jsonl` and in checkpoints.
RENAMED = {
    "student_variety": "prediction_diversity",
    "agreement_at_hand": "unlabeled_agreement",
}


class MetricsLog:
    """Writes `metrics.jsonl`, TensorBoard's files and a line in the log, each evaluation.

    Args:
        folder: of the files, a `pathlib.Path`.
        rows: those of the restored checkpoint; `metrics.jsonl` is written anew from them.
        name: of the training in the log.
        unit: name of a round in the log.

    Attributes:
        rows: everything written so far, a list of dicts.
    """

    def __init__(self, folder, rows=(), name="", unit="round"):
        self._name, self._unit = name, unit
        self._path = folder / "metrics.jsonl"
        self.replace_rows(rows)
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def write(self, row, observed=None):
        """Adds a row and logs it.

        Args:
            row: numbers by name, one of them the `round`.
            observed: further values that are written but not logged: numbers, lists of counts, and
                images, uint8 `(height, width, 1 or 3)`, which only TensorBoard gets.

        Raises:
            ValueError: when a number is not finite; nothing is written then.
        """
        values = row | (observed or {})
        kept = {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}
        self.replace_rows([*self.rows, kept])
        with self._writer.as_default(step=row["round"]):
            for name, value in values.items():
                _write_summary(name, value)
        self._writer.flush()
        line = format_metrics(row)
        logger.info("%s %s %5d  %s", self._name, self._unit, row["round"], line)

    def replace_rows(self, rows):
        """Writes `metrics.jsonl` anew from these rows."""
        rows = list(rows)
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        files.write_text(self._path, text)
        self.rows = rows


def format_metrics(row):
    """Formats a row of numbers as a line for the terminal."""
    return "  ".join(
        f"{SHORT_NAMES.get(name, name)} {value:.3g}"
        for name, value in row.items()
        if name != "round" and value is not None
    )


def current_names(row):
    """Returns a row with the names of this version, whichever version wrote it."""
    return {RENAMED.get(name, name): value for name, value in row.items()}


def read_rows(path):
    """Reads the rows of a `metrics.jsonl`; there are none when the file does not exist."""
    if not pathlib.Path(path).is_file():
        return []
    lines = pathlib.Path(path).read_text().splitlines()
    return [current_names(json.loads(line)) for line in lines]


def _write_summary(name, value):
    """Writes a number, a list of counts or an image for TensorBoard."""
    if isinstance(value, np.ndarray):
        tf.summary.image(name, value[np.newaxis])
    elif isinstance(value, list):
        # TensorFlow's own histogram would choose edges that fall inside of classes.
        centers = np.arange(len(value))
        bars = np.stack([centers - 0.5, centers + 0.5, value], axis=-1)
        form = histogram.create_summary_metadata(display_name=None, description=None)
        tf.summary.write(name, bars, metadata=form)
    elif value is not None:
        tf.summary.scalar(name, value)
