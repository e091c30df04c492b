"""Reactions to a training that diverges: stop, roll back, or continue."""

import logging

from mosaickd_tf.errors import RunError
from mosaickd_tf.training import optimizers
from mosaickd_tf.training.divergence import Diverged

logger = logging.getLogger(__name__)

GOOD = "good"  # checkpoints of evaluations that showed no sign of divergence
MAX_ROLLBACKS = 3
RATE_FACTOR = 0.5  # of all learning rates, at each rollback


class Recovery:
    """Rolls a training back to its last good checkpoint, at lower learning rates, or ends it.

    Args:
        trainable: a `Trainable`.
        plan: a `Plan`.
        state: the `TrainingState`.
        name: of the training in messages.
    """

    def __init__(self, trainable, plan, state, name=""):
        self.trainable = trainable
        self.plan = plan
        self.state = state
        self.name = name

    def prepare(self):
        """Lowers the rates as often as earlier processes did; makes sure of a good checkpoint.

        Raises:
            RunError: when there is nothing that a rollback could restore.
        """
        factor = RATE_FACTOR**self.state.progress.rollbacks
        for optimizer in self.trainable.optimizers:
            if optimizers.has_schedule(optimizer):  # other rates are part of the state
                optimizers.set_peak(optimizer, optimizers.peak(optimizer) * factor)
        if self.plan.on_divergence == "rollback" and not self.state.has(GOOD):
            try:
                self.state.save((GOOD,))
            except Diverged as found:
                described = self.describe(found.event)
                raise RunError(f"{described}. There is no checkpoint to go back to") from found

    def roll_back(self, event):
        """Restores the last good checkpoint and halves the learning rates.

        Raises:
            RunError: when the plan is not to roll back, or too many rollbacks did not help.
        """
        progress = self.state.progress
        rollbacks, events = progress.rollbacks + 1, progress.events
        if self.plan.on_divergence != "rollback" or rollbacks > MAX_ROLLBACKS:
            tried = f" after {rollbacks - 1} rollbacks" if rollbacks > 1 else ""
            raise self.error(event.round, f"{event.words}{tried}")
        peaks = [optimizers.peak(optimizer) for optimizer in self.trainable.optimizers]
        self.state.restore(GOOD)
        progress.rollbacks, progress.events = rollbacks, events
        for optimizer, peak in zip(self.trainable.optimizers, peaks, strict=True):
            optimizers.set_peak(optimizer, peak * RATE_FACTOR)
        self.trainable.make_train_function(force=True)
        self.note(
            event,
            f"went back to {self.plan.unit} {progress.step}, learning rates times "
            f"{RATE_FACTOR:g} ({rollbacks} of at most {MAX_ROLLBACKS} times)",
        )
        self.state.save((GOOD,))

    def note(self, event, done):
        """Logs an event and what was done, and keeps both for the run's result."""
        self.state.progress.events.append(event.to_json(done))
        logger.warning("%s; %s", self.describe(event), done)

    def describe(self, event):
        """Returns an event as text, with the name of the training."""
        return f"{self._where(event.round)}: {event.words}"

    def error(self, step, words):
        """Returns a `RunError` that names the last checkpoint and what the user can do."""
        saved = self.state.last_step()
        kept = "There is no checkpoint yet"
        if saved is not None:
            kept = f"The checkpoint of {self.plan.unit} {saved} is intact"
        return RunError(f"{self._where(step)}: {words}. {kept}. {self.plan.remedy}")

    def _where(self, step):
        where = f"{self.plan.unit} {step}"
        return f"{self.name}, {where}" if self.name else where.capitalize()
