"""What a run writes down at each evaluation: `metrics.jsonl`, TensorBoard, a line on the log."""

import json
import logging
import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.plugins.histogram import metadata as histogram

from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

# Words that fit on a line.
SHORT_NAMES = {
    "validation_accuracy": "accuracy",
    "validation_agreement": "agreement",
    "unlabeled_agreement": "agreement",
    "patch_discrimination_loss": "D",
    "local_patch_loss": "local",
    "label_space_alignment_loss": "align",
    "adversarial_loss": "adv",
    "class_balance_loss": "balance",
    "distillation_loss": "kd",
    "statistics_loss": "stats",
    "prediction_diversity": "variety",
    "images_per_second": "images/s",
}


class Record:
    """`metrics.jsonl` and TensorBoard, one object an evaluation.

    Args:
        folder: where they lie.
        rows: those that were saved with the restored state; the file is made of them.
        name: what to call the run on the log.

    Attributes:
        rows: what has been written so far.
    """

    def __init__(self, folder, rows=(), name=""):
        self._name = name
        self._path = folder / "metrics.jsonl"
        self.take_back(rows)
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def write(self, row, observed=None):
        """Adds a row; says it on the log.

        Args:
            row: numbers by name, one of them the `round`.
            observed: what else is kept but not said: numbers, lists of counts, and pictures,
                uint8 `(height, width, 1 or 3)`, which go to TensorBoard alone.
        """
        whole = row | (observed or {})
        kept = {name: value for name, value in whole.items() if not isinstance(value, np.ndarray)}
        self._write([*self.rows, kept])
        with self._writer.as_default(step=row["round"]):
            for name, value in whole.items():
                _draw(name, value)
        self._writer.flush()
        logger.info("%s round %5d  %s", self._name, row["round"], format_metrics(row))

    def take_back(self, rows):
        """Makes these all that was written."""
        self._write(list(rows))

    def _write(self, rows):
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        files.write_text(self._path, text)
        self.rows = rows


def format_metrics(row):
    """A row of numbers as a line for the terminal."""
    return "  ".join(
        f"{SHORT_NAMES.get(name, name)} {value:.3g}"
        for name, value in row.items()
        if name != "round" and value is not None
    )


def read_rows(path):
    """The rows of a `metrics.jsonl`; none when there is no such file."""
    if not pathlib.Path(path).is_file():
        return []
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def _draw(name, value):
    """Puts a number, a list of counts or a picture into TensorBoard."""
    if isinstance(value, np.ndarray):
        tf.summary.image(name, value[np.newaxis])
    elif isinstance(value, list):
        # TensorFlow's own histogram would choose edges that fall inside of classes.
        middles = np.arange(len(value))
        bars = np.stack([middles - 0.5, middles + 0.5, value], axis=-1)
        form = histogram.create_summary_metadata(display_name=None, description=None)
        tf.summary.write(name, bars, metadata=form)
    elif value is not None:
        tf.summary.scalar(name, value)
