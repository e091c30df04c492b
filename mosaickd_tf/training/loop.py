"""The training loop of teacher, student and compressed student."""

import logging
import pathlib
import time
from collections.abc import Callable

from mosaickd_tf.errors import Interrupted
from mosaickd_tf.training import divergence
from mosaickd_tf.training.divergence import Diverged
from mosaickd_tf.training.progress_bar import ProgressBar
from mosaickd_tf.training.recovery import GOOD, Recovery
from mosaickd_tf.training.training_state import TrainingState
from mosaickd_tf.utils.signals import SignalWatch

logger = logging.getLogger(__name__)

_SHOW_EVERY = 10  # rounds, about, between two readings of the terms for the progress bar


def train(trainable, make_batches, plan, folder, evaluate=None, observe=None, **options):
    """Trains something to the end of its plan; see `TrainingLoop`.

    Returns:
        The final `Progress`.

    Raises:
        RunError: when the training diverges and is to stop, or rolling back did not help.
        Interrupted: by SIGINT or SIGTERM, after a checkpoint.
    """
    return TrainingLoop(trainable, make_batches, plan, folder, evaluate, observe, **options).run()


class TrainingLoop:
    """Trains a `Trainable` in rounds, from its last checkpoint on if there is one.

    A round is one call of the compiled function, or part of one. After each call follows what is
    due: an evaluation, which is logged and searched for signs of divergence, and a checkpoint. A
    signal ends the loop after a checkpoint; a divergence ends it, rolls it back or is noted, as
    the plan says. A training that was interrupted and resumed ends with the same bits as one that
    was not.

    Writes `metrics.jsonl`, `tensorboard/` and `checkpoints/`.

    Args:
        trainable: a `Trainable`; it holds the selected state at the end.
        make_batches: function of a round's number that returns an iterable of the batches from
            that round on.
        plan: a `Plan`.
        folder: of the training.
        evaluate: function of the number of rounds trained that returns values by name, to be
            recorded and logged; None for a training that is not evaluated beside its terms.
        observe: the same for what is recorded only; see `MetricsLog.write`.
        name: of the training on the terminal and in the log.
        optional_state: keys of the state that checkpoints of version 0.1.0 lack.
    """

    def __init__(
        self,
        trainable,
        make_batches,
        plan,
        folder,
        evaluate: Callable[[int], dict] | None = None,
        observe: Callable[[int], dict] | None = None,
        *,
        name="",
        optional_state=(),
    ):
        self.trainable = trainable
        self.make_batches = make_batches
        self.plan = plan
        self.evaluate = evaluate
        self.observe = observe or (lambda step: {})
        self.name = name
        folder = pathlib.Path(folder)
        self.state = TrainingState(trainable.state(), folder, name, plan.unit, optional_state)
        self.progress = self.state.progress
        self.resumed_from = self.progress.step
        self.recovery = Recovery(trainable, plan, self.state, name)
        self.values = {}  # of the last evaluation

    def run(self):
        """Trains until the last round or a signal; returns the `Progress`."""
        self._begin()
        progress, watch = self.progress, SignalWatch()
        self.recovery.prepare()
        self.trainable.make_train_function()
        batches = self._batches() if progress.step < self.plan.rounds else None
        with ProgressBar(self.name, self.plan.rounds, progress.step) as bar, watch:
            while progress.step < self.plan.rounds:
                try:
                    terms = self._train_rounds(batches, bar)
                    names = self._evaluate(terms) if self._is_due(self.plan.evaluate_every) else []
                    self._reset_metrics()
                    self._save_if_due(terms, names, watch.signal)
                except Diverged as found:
                    self.recovery.roll_back(found.event)
                    batches = self._batches()
                    bar.move_to(progress.step)
                if watch.signal:  # after the last round too: what follows may take as long
                    raise Interrupted(watch.signal)
        if self.plan.select_by:
            self.state.restore_best()
        return progress

    def _begin(self):
        """Logs where the training resumes, or evaluates the untrained networks."""
        step, plan = self.progress.step, self.plan
        if step:
            unit = plan.unit
            logger.info("%s: resuming from %s %d of %d", self.name, unit, step, plan.rounds)
        elif self.evaluate:
            self.state.log.write({"round": 0, **self.evaluate(0)}, self.observe(0))

    def _batches(self):
        return iter(self.make_batches(self.progress.step))

    def _train_rounds(self, batches, bar):
        """Calls the compiled function once; returns its terms, as floats when they are shown."""
        began = time.perf_counter()
        terms = self.trainable.train_function(batches)
        self.progress.step += self.plan.rounds_per_call
        is_shown = self._is_due(_SHOW_EVERY)
        if is_shown or self._is_due(self.plan.evaluate_every):
            terms = self._recorded(terms)  # waits for the device
        self.progress.seconds += time.perf_counter() - began
        bar.advance(self.plan.rounds_per_call)
        if is_shown:
            metrics = {"images_per_second": self._images_per_second(), **self.values}
            diversity = metrics.pop("prediction_diversity", None)
            bar.show(metrics, terms | {"prediction_diversity": diversity})
        return terms

    def _evaluate(self, terms):
        """Records an evaluation; returns the names that a checkpoint of it deserves."""
        step = self.progress.step
        self._finite(self._gradient_norms())
        self.values = self.evaluate(step) if self.evaluate else {}
        speed = self._images_per_second()
        row = {"round": step, **terms, **self.values, "images_per_second": speed}
        observed = self.observe(step) | self._irregularities()
        event = divergence.detect_divergence(row | observed, self.state.log.rows)
        if event and self.plan.on_divergence == "rollback":
            raise Diverged(event)
        self.state.log.write(row, observed)
        self.resumed_from = 0
        if event and self.plan.on_divergence == "stop":
            raise Diverged(event)
        if event:
            self.recovery.note(event, "went on")
        is_best = self.progress.is_best(self.values.get(self.plan.select_by))
        return [*(["best"] if is_best else []), *([] if event else [GOOD])]

    def _irregularities(self):
        """Returns what happened since the start, of the resumed, rolled back and skipped."""
        counts = {
            "resumed_from": self.resumed_from,
            "rollbacks": self.progress.rollbacks,
            "skipped_updates": self.trainable.skipped_updates,
        }
        return {name: count for name, count in counts.items() if count}

    def _gradient_norms(self):
        """Returns the mean gradient norm of each network updated since the last evaluation."""
        norms = self.trainable.gradient_norms
        if self.trainable.skipped_updates and not any(float(m.count) for m in norms.values()):
            raise self.recovery.error(
                self.progress.step,
                "no update was finite since the last evaluation, all were skipped",
            )
        return {name: float(mean.result()) for name, mean in norms.items() if float(mean.count)}

    def _recorded(self, terms):
        """Returns the terms that have a value, as floats; raises as `_finite`."""
        terms, left_out = self._finite(terms), self.trainable.unrecorded
        return {name: value for name, value in terms.items() if name not in left_out}

    def _finite(self, values):
        """Returns values as floats; raises `Diverged` when one is not finite."""
        values = {name: float(value) for name, value in values.items()}
        event = divergence.not_finite(self.progress.step, values)
        if event:
            raise Diverged(event)
        return values

    def _reset_metrics(self):
        if self._is_due(self.plan.average_over or self.plan.evaluate_every):
            self.trainable.reset_metrics()

    def _save_if_due(self, terms, names, signal):
        """Writes a checkpoint if there is a reason to."""
        is_wanted = "best" in names or (GOOD in names and self.plan.on_divergence == "rollback")
        if is_wanted or self._is_due(self.plan.checkpoint_every):
            self._finite(terms)
            self.state.save(names)
        elif signal or self._minutes_have_passed():
            try:
                self._finite(terms)
                self.state.save()
            except Diverged as found:  # the next evaluation or checkpoint that is due reacts
                description = self.recovery.describe(found.event)
                logger.warning("%s; no checkpoint of it is written", description)
                self.state.saved_at = time.monotonic()

    def _minutes_have_passed(self):
        minutes = self.plan.checkpoint_minutes
        return minutes and time.monotonic() - self.state.saved_at >= 60 * minutes

    def _is_due(self, every):
        """Returns whether one of the last call's rounds is a multiple, or the last of all."""
        step = self.progress.step
        return step % every < self.plan.rounds_per_call or step == self.plan.rounds

    def _images_per_second(self):
        return self.progress.images_per_second(self.plan.batch_size)
