"""The outer loop: restore, play rounds, evaluate, checkpoint, mend, stop."""

import dataclasses
import logging
import pathlib
import time
from collections.abc import Callable

from tqdm import tqdm

from mosaickd_tf.errors import Interrupted, RunError
from mosaickd_tf.training import divergence, optimizers
from mosaickd_tf.training.checkpoints import Checkpoints, NotFinite
from mosaickd_tf.training.divergence import Diverged, DivergenceEvent
from mosaickd_tf.training.metrics_log import Record, format_metrics
from mosaickd_tf.training.plan import Progress
from mosaickd_tf.utils.signals import SignalWatch

logger = logging.getLogger(__name__)

_TOLD_EVERY = 10  # rounds, about, between two readings of the terms for the progress bar
_GOOD = "good"  # checkpoints of an evaluation without a sign that something went wrong
# With what is evaluated behind it the bar fills a line of 80 columns, the terms another.
BAR = "{desc} {n_fmt}/{total_fmt} |{bar}| {remaining} left{postfix}"


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
        RunError: when numbers go wrong and the plan is to stop, or rolling back did not help.
        Interrupted: by SIGINT or SIGTERM, after a checkpoint.
    """
    folder = pathlib.Path(folder)
    checkpoints = Checkpoints(folder / "checkpoints", distiller.state())
    progress, rows = _apart(checkpoints.restore())
    record = Record(folder, rows, name)
    if progress.step:
        logger.info("%s: going on from round %d of %d", name, progress.step, plan.rounds)
    else:
        record.write({"round": 0, **evaluate(0)}, observe(0))
    loop = _Loop(distiller, make_batches, plan, progress, checkpoints, record, evaluate, observe)
    loop.run(name)
    chosen = checkpoints.restore("best") if plan.select_by else None
    if chosen:  # another than the best where that has become unreadable
        progress.best_value, progress.best_step = chosen["best_value"], chosen["best_step"]
    return progress


def _apart(saved):
    """The `Progress` and the rows of the record that were saved with a checkpoint."""
    saved = dict(saved or {})
    rows = saved.pop("rows", [])
    return Progress(**saved), rows


class _Loop:
    """The rounds that are left, and what is due after each."""

    def __init__(
        self, distiller, make_batches, plan, progress, checkpoints, record, evaluate, observe
    ):
        self.distiller = distiller
        self.make_batches = make_batches
        self.plan = plan
        self.progress = progress
        self.checkpoints = checkpoints
        self.record = record
        self.evaluate = evaluate
        self.observe = observe
        self.values = {}  # of the last evaluation
        self.began_at = progress.step
        self.saved_at = time.monotonic()
        self.watch = SignalWatch()

    def run(self, name):
        """Plays until the end, or until a signal and the checkpoint after it."""
        planned = self.plan.rounds
        self._prepare()
        batches = iter(self.make_batches(self.progress.step))
        played = self.progress.step
        bar = tqdm(
            total=planned,
            initial=played,
            desc=name,
            disable=None,
            leave=False,
            bar_format=BAR,
        )
        with bar, _terms_below() as self.below, self.watch:
            while self.progress.step < planned:
                try:
                    self._play(batches, bar)
                except Diverged as found:
                    self._go_back(found.args[0])
                    batches = iter(self.make_batches(self.progress.step))
                    bar.n = self.progress.step
                if self.watch.signal:  # after the last round too: what follows may take as long
                    raise Interrupted(self.watch.signal)

    def _prepare(self):
        """Brings the rates to where they were, and makes sure of a way back if one is asked for."""
        factor = divergence.SLOWER**self.progress.rollbacks
        for optimizer in self._optimizers():
            if optimizers.has_schedule(optimizer):  # other rates are part of the state
                optimizers.set_peak(optimizer, optimizers.peak(optimizer) * factor)
        self.distiller.make_train_function()
        if self.plan.on_divergence == "rollback" and not self.checkpoints.has(_GOOD):
            try:
                self._save((_GOOD,))
            except Diverged as found:
                raise RunError(f"{found}. There is nothing to go back to") from found

    def _play(self, batches, bar):
        """One call, a round or several, and what is due after it."""
        terms = self._call(batches, bar)
        names = self._evaluated(terms) if self._due(self.plan.evaluate_every) else ()
        wanted = "best" in names or (_GOOD in names and self.plan.on_divergence == "rollback")
        if wanted or self._due(self.plan.checkpoint_every):
            self._finite(terms)
            self._save(names)
        elif self.watch.signal or self._is_time():
            self._save_if_finite(terms)

    def _call(self, batches, bar):
        began = time.perf_counter()
        terms = self.distiller.train_function(batches)
        self.progress.step += self.plan.rounds_per_call
        to_tell = self._due(_TOLD_EVERY)
        if to_tell or self._due(self.plan.evaluate_every):
            terms = self._finite(terms)  # waits for the device
        self.progress.seconds += time.perf_counter() - began
        bar.update(self.plan.rounds_per_call)
        if to_tell:
            values = {"images_per_second": self._speed(), **self.values}
            below = terms | {"prediction_diversity": values.pop("prediction_diversity", None)}
            bar.set_postfix_str(format_metrics(values))
            self.below.set_description_str(format_metrics(below))
        return terms

    def _evaluated(self, terms):
        """Records an evaluation; returns the names that a checkpoint of it deserves."""
        step = self.progress.step
        self._finite(self._norms())
        self.values = self.evaluate(step)
        row = {"round": step, **terms, **self.values, "images_per_second": self._speed()}
        observed = self.observe(step) | self._history()
        trouble = divergence.detect_divergence(row | observed, self.record.rows)
        if trouble and self.plan.on_divergence == "rollback":
            raise Diverged(trouble)
        self.record.write(row, observed)
        self.began_at = 0
        self.distiller.reset_metrics()
        if trouble and self.plan.on_divergence == "stop":
            raise Diverged(trouble)
        if trouble:
            self._note(trouble, "went on")
        is_best = self.progress.is_best(self.values.get(self.plan.select_by))
        return [*(["best"] if is_best else []), *([] if trouble else [_GOOD])]

    def _history(self):
        """What a row says of the way to it, where it was not straight."""
        skipped = self.distiller.skipped_updates
        numbers = {
            "resumed_from": self.began_at,
            "rollbacks": self.progress.rollbacks,
            "skipped_updates": skipped,
        }
        return {name: number for name, number in numbers.items() if number}

    def _norms(self):
        """The mean gradient norm of each player that was moved since the last evaluation."""
        norms = self.distiller.gradient_norms
        if self.distiller.skipped_updates and not any(float(m.count) for m in norms.values()):
            raise RunError(
                f"Round {self.progress.step}: no update was finite since the last evaluation, all "
                f"were skipped. {self._what_to_do()}"
            )
        return {name: float(mean.result()) for name, mean in norms.items() if float(mean.count)}

    def _finite(self, numbers):
        numbers = {name: float(value) for name, value in numbers.items()}
        trouble = divergence.not_finite(self.progress.step, numbers)
        if trouble:
            raise Diverged(trouble)
        return numbers

    def _save(self, names=()):
        saved = dataclasses.asdict(self.progress) | {"rows": self.record.rows}
        try:
            self.checkpoints.save(saved, names=names)
        except NotFinite as found:
            words = f"numbers in {found} are not finite"
            raise Diverged(
                DivergenceEvent(round=self.progress.step, term=str(found), words=words)
            ) from found
        self.saved_at = time.monotonic()

    def _save_if_finite(self, terms):
        """Saves between two checkpoints that are due; what is wrong is dealt with at the next."""
        try:
            self._finite(terms)
            self._save()
        except Diverged as found:
            logger.warning("%s; no checkpoint is written of it", found)
            self.saved_at = time.monotonic()

    def _go_back(self, trouble):
        """Restores the last good checkpoint and halves the rates, or ends the run."""
        rollbacks, events = self.progress.rollbacks + 1, self.progress.events
        if self.plan.on_divergence != "rollback" or rollbacks > divergence.MOST_ROLLBACKS:
            tried = f" after {rollbacks - 1} rollbacks" if rollbacks > 1 else ""
            raise RunError(f"{trouble}{tried}. {self._what_to_do()}")
        peaks = {id(o): optimizers.peak(o) for o in self._optimizers()}
        good, rows = _apart(self.checkpoints.restore(_GOOD))
        for field in dataclasses.fields(good):
            setattr(self.progress, field.name, getattr(good, field.name))
        self.progress.rollbacks, self.progress.events = rollbacks, events
        self.record.take_back(rows)
        for optimizer in self._optimizers():
            optimizers.set_peak(optimizer, peaks[id(optimizer)] * divergence.SLOWER)
        self.distiller.make_train_function(force=True)
        self._note(
            trouble,
            f"went back to round {good.step}, learning rates times {divergence.SLOWER:g} "
            f"({rollbacks} of at most {divergence.MOST_ROLLBACKS} times)",
        )
        self._save((_GOOD,))

    def _note(self, trouble, done):
        self.progress.events.append(trouble.event(done))
        logger.warning("%s; %s", trouble, done)

    def _what_to_do(self):
        step = (self.checkpoints.progress() or {}).get("step")
        kept = "There is no checkpoint yet"
        if step is not None:
            kept = f"The checkpoint of round {step} is intact"
        return (
            f"{kept}. Lower the learning rates or the weight of that term, in another folder, or "
            "ask for another --on_divergence in this one"
        )

    def _optimizers(self):
        names = [f"{player}_optimizer" for player in self.distiller.players]
        return [getattr(self.distiller, name) for name in names if hasattr(self.distiller, name)]

    def _is_time(self):
        minutes = self.plan.checkpoint_minutes
        return minutes and time.monotonic() - self.saved_at >= 60 * minutes

    def _due(self, every):
        """Whether the last call played a round after which this is due."""
        step = self.progress.step
        return step % every < self.plan.rounds_per_call or step == self.plan.rounds

    def _speed(self):
        return self.progress.images_per_second(self.plan.batch_size)


def _terms_below():
    """A line below the bar."""
    return tqdm(total=0, position=1, bar_format="{desc}", disable=None, leave=False)
