"""The outer loop: restore, play rounds, evaluate, checkpoint, stop."""

import dataclasses
import logging
import math
import pathlib
import time
from collections.abc import Callable

from tqdm import tqdm

from mosaickd_tf.checkpoints import Checkpoints
from mosaickd_tf.errors import Interrupted, RunError
from mosaickd_tf.record import Record, told
from mosaickd_tf.signals import SignalWatch

logger = logging.getLogger(__name__)

_TOLD_EVERY = 10  # rounds between two readings of the terms for the progress bar


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


def train(
    distiller,
    make_batches,
    plan,
    folder,
    evaluate: Callable[[int], dict],
    observe: Callable[[int], dict] = lambda step: {},
    name="",
):
    """Trains until the planned number of rounds, from the last checkpoint on if there is one.

    Leaves `metrics.jsonl`, `tensorboard/` and `checkpoints/` in the folder, and the selected
    state in the distiller.

    Args:
        distiller: a compiled `Distiller`.
        make_batches: from the number of a round to a stream of batches from it on.
        plan: a `Plan`.
        folder: where the run is kept.
        evaluate: from the number of rounds played to a dict of numbers to record and to say.
        observe: the same for what is recorded only; see `Record.write`.
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
        record.write({"round": 0, **evaluate(0)}, observe(0))
    loop = _Loop(distiller, plan, progress, checkpoints, record, evaluate, observe)
    loop.run(iter(make_batches(progress.step)), name)
    if plan.select_by:
        checkpoints.restore("best")
    return progress


class _Loop:
    """The rounds that are left, and what is due after each."""

    def __init__(self, distiller, plan, progress, checkpoints, record, evaluate, observe):
        self.distiller = distiller
        self.plan = plan
        self.progress = progress
        self.checkpoints = checkpoints
        self.record = record
        self.evaluate = evaluate
        self.observe = observe
        self.values = {}  # of the last evaluation

    def run(self, batches, name):
        """Plays until the end, or until a signal and the checkpoint after it."""
        self.distiller.make_train_function()
        played, planned = self.progress.step, self.plan.rounds
        bar = tqdm(
            total=planned, initial=played, desc=name, unit="round", disable=None, leave=False
        )
        with bar, SignalWatch() as watch:
            while self.progress.step < planned:
                terms = self._round(batches, bar)
                best = self._due(self.plan.evaluate_every) and self._evaluated_best(terms)
                if best or watch.signal or self._due(self.plan.checkpoint_every):
                    _finite(terms, self.progress.step)  # a checkpoint is one to go on from
                    self.checkpoints.save(dataclasses.asdict(self.progress), best=best)
                if watch.signal:  # after the last round too: what follows may take as long
                    raise Interrupted(watch.signal)

    def _round(self, batches, bar):
        began = time.perf_counter()
        terms = self.distiller.train_function(batches)
        self.progress.step += 1
        to_tell = self._due(_TOLD_EVERY)
        if to_tell or self._due(self.plan.evaluate_every):
            terms = _finite(terms, self.progress.step)  # waits for the device
        self.progress.seconds += time.perf_counter() - began
        bar.update()
        if to_tell:
            row = {"images_per_second": self._speed(), **self.values, **terms}
            bar.set_postfix_str(told(row))
        return terms

    def _evaluated_best(self, terms):
        step = self.progress.step
        self.values = self.evaluate(step)
        row = {"round": step, **terms, **self.values, "images_per_second": self._speed()}
        self.record.write(row, self.observe(step))
        self.distiller.reset_metrics()
        return _is_best(self.values.get(self.plan.select_by), self.progress)

    def _due(self, every):
        return self.progress.step % every == 0 or self.progress.step == self.plan.rounds

    def _speed(self):
        return self.progress.step * self.plan.images_per_round / self.progress.seconds


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
