"""The outer loop: restore, play rounds, evaluate, checkpoint, stop."""

import dataclasses
import json
import logging
import math
import pathlib
import time
from collections.abc import Callable

import tensorflow as tf
from tqdm import tqdm

from mosaickd_tf import files
from mosaickd_tf.checkpoints import Checkpoints
from mosaickd_tf.errors import Interrupted, RunError
from mosaickd_tf.signals import SignalWatch

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to train and what to do on the way.

    Attributes:
        rounds: rounds in all.
        evaluate_every: rounds between evaluations.
        checkpoint_every: rounds between checkpoints.
        images_per_round: OOD images that a round consumes, for the speed.
        select_by: the value of an evaluation by which the best state is chosen, or None to
            keep the last.
    """

    rounds: int
    evaluate_every: int
    checkpoint_every: int
    images_per_round: int
    select_by: str | None = None


@dataclasses.dataclass(kw_only=True)
class Progress:
    """Where a training stands; saved with every checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best_value: float | None = None
    best_step: int | None = None


def train(distiller, make_batches, plan, folder, evaluate: Callable[[int], dict], name=""):
    """Trains until the planned number of rounds, from the last checkpoint on if there is one.

    Leaves `metrics.jsonl`, `tensorboard/` and `checkpoints/` in the folder, and the selected
    state in the distiller.

    Args:
        distiller: a compiled `Distiller`.
        make_batches: from the number of a round to a stream of batches from it on.
        plan: a `Plan`.
        folder: where the run is kept.
        evaluate: from the number of rounds played to a dict of numbers to record.
        name: what to call it on the terminal.

    Returns:
        The final `Progress`.

    Raises:
        RunError: when a term is no longer finite.
        Interrupted: by SIGINT or SIGTERM, after a checkpoint.
    """
    folder = pathlib.Path(folder)
    checkpoints = Checkpoints(folder / "checkpoints", distiller.state())
    progress = Progress(**(checkpoints.restore() or {}))
    record = Record(folder, progress.step, name)
    if progress.step:
        logger.info("%s: going on from round %d of %d", name, progress.step, plan.rounds)
    else:
        record.write({"round": 0, **evaluate(0)})
    _play(
        distiller, make_batches(progress.step), plan, progress, checkpoints, record, evaluate, name
    )
    if plan.select_by:
        checkpoints.restore("best")
    return progress


def _play(distiller, batches, plan, progress, checkpoints, record, evaluate, name):
    distiller.make_train_function()
    batches = iter(batches)
    bar = tqdm(
        total=plan.rounds, initial=progress.step, desc=name, unit="round", disable=None, leave=False
    )
    with bar, SignalWatch() as watch:
        while progress.step < plan.rounds:
            began = time.perf_counter()
            terms = distiller.train_function(batches)
            progress.step += 1
            due = progress.step % plan.evaluate_every == 0 or progress.step == plan.rounds
            if due or progress.step % 10 == 0:
                terms = _finite(terms, progress.step)  # waits for the device
            progress.seconds += time.perf_counter() - began
            bar.update()
            speed = progress.step * plan.images_per_round / progress.seconds
            if due or progress.step % 10 == 0:
                bar.set_postfix_str(_told({"images_per_second": speed, **terms}))
            best = False
            if due:
                values = evaluate(progress.step)
                best = _is_best(values.get(plan.select_by), progress)
                record.write(
                    {"round": progress.step, **terms, **values, "images_per_second": speed}
                )
                distiller.reset_metrics()
            if best or watch.signal or _checkpoint_due(progress.step, plan):
                _finite(terms, progress.step)  # so that a checkpoint is always one to go on from
                checkpoints.save(dataclasses.asdict(progress), best=best)
            if watch.signal:  # after the last round too: what follows may take as long
                raise Interrupted(watch.signal)


def _checkpoint_due(step, plan):
    return step % plan.checkpoint_every == 0 or step == plan.rounds


def _is_best(value, progress):
    """Notes a value that is at least as good as any before; the later of equals is trained more."""
    if value is None or (progress.best_value is not None and value < progress.best_value):
        return False
    progress.best_value, progress.best_step = value, progress.step
    return True


def _finite(terms, step):
    terms = {name: float(value) for name, value in terms.items()}
    for name, value in terms.items():
        if not math.isfinite(value):
            raise RunError(
                f"The {name} became {value} by round {step}. Expected a finite number. The last "
                "checkpoint is intact; lower the learning rates or the weight of that term"
            )
    return terms


# Words of the terms that fit on a line.
_WORDS = {
    "patch_discrimination_loss": "D",
    "local_patch_loss": "local",
    "label_space_alignment_loss": "align",
    "adversarial_loss": "adv",
    "class_balance_loss": "balance",
    "distillation_loss": "kd",
    "images_per_second": "images/s",
}


def _told(row):
    """A row of numbers as a line for the terminal."""
    return "  ".join(
        f"{_WORDS.get(name, name)} {value:.3g}"
        for name, value in row.items()
        if name != "round" and value is not None
    )


class Record:
    """`metrics.jsonl` and TensorBoard, one object an evaluation.

    Args:
        folder: where they lie.
        played: rounds that the restored state has played; rows of later ones are dropped.
        name: what to call the run on the log.
    """

    def __init__(self, folder, played, name=""):
        self._name = name
        self._path = folder / "metrics.jsonl"
        self._rows = [row for row in read_rows(self._path) if played and row["round"] <= played]
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def write(self, row):
        """Adds a row; says it on the log."""
        self._rows.append(row)
        text = "".join(json.dumps(r, allow_nan=False) + "\n" for r in self._rows)
        files.write_text(self._path, text)
        with self._writer.as_default(step=row["round"]):
            for name, value in row.items():
                if value is not None:
                    tf.summary.scalar(name, value)
        self._writer.flush()
        logger.info("%s round %5d  %s", self._name, row["round"], _told(row))


def read_rows(path):
    """The rows of a `metrics.jsonl`; none when there is no such file."""
    if not pathlib.Path(path).is_file():
        return []
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
