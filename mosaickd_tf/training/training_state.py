"""Networks, progress and metrics of a training, saved and restored as one."""

import dataclasses
import time

from mosaickd_tf.training.checkpoints import Checkpoints, NotFinite
from mosaickd_tf.training.divergence import Diverged, DivergenceEvent
from mosaickd_tf.training.metrics_log import MetricsLog, current_names
from mosaickd_tf.training.plan import Progress


class TrainingState:
    """Everything of a training that a checkpoint holds.

    Args:
        state: what `Trainable.state` returns.
        folder: of the training; `checkpoints/`, `metrics.jsonl` and `tensorboard/` are in it.
        name: of the training in the log.
        unit: name of a round in the log.
        optional: keys of the state that checkpoints of version 0.1.0 lack.

    Attributes:
        progress: a `Progress`.
        log: the `MetricsLog`.
        saved_at: when the last checkpoint was written, or was due, on the monotonic clock.
    """

    def __init__(self, state, folder, name="", unit="round", optional=()):
        self._checkpoints = Checkpoints(folder / "checkpoints", state, optional)
        self.progress, rows = _split(self._checkpoints.restore())
        self.log = MetricsLog(folder, rows, name, unit)
        self.saved_at = time.monotonic()

    def save(self, names=()):
        """Writes a checkpoint, with further names if any.

        Raises:
            Diverged: when the state is not finite; nothing is written then.
        """
        saved = dataclasses.asdict(self.progress) | {"rows": self.log.rows}
        try:
            self._checkpoints.save(saved, names=names)
        except NotFinite as error:
            raise Diverged(
                DivergenceEvent(
                    round=self.progress.step,
                    term=str(error),
                    words=f"numbers in {error} are not finite",
                )
            ) from error
        self.saved_at = time.monotonic()

    def restore(self, name):
        """Restores the networks, progress and metrics of the newest checkpoint of a name."""
        restored, rows = _split(self._checkpoints.restore(name))
        for field in dataclasses.fields(restored):
            setattr(self.progress, field.name, getattr(restored, field.name))
        self.log.replace_rows(rows)

    def restore_best(self):
        """Restores the networks of the best evaluation and keeps the progress.

        The best is noted in the progress again: it is the one before where a checkpoint has
        become unreadable.
        """
        best = self._checkpoints.restore("best")
        if best:
            self.progress.best_value, self.progress.best_step = (
                best["best_value"],
                best["best_step"],
            )

    def has(self, name):
        """Returns whether a checkpoint was given the name."""
        return self._checkpoints.has(name)

    def last_step(self):
        """Returns the round of the newest intact checkpoint, or None."""
        return (self._checkpoints.progress() or {}).get("step")


def _split(saved):
    """Splits what was saved beside a checkpoint into `Progress` and rows of metrics."""
    saved = dict(saved or {})
    rows = [current_names(row) for row in saved.pop("rows", [])]
    return Progress(**saved), rows
