"""How long to train and what to do on the way, and where a training stands."""

import dataclasses


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
        checkpoint_minutes: minutes after which a checkpoint is due whatever the round; 0 for
            never.
        on_divergence: what to do when numbers go wrong: "stop", "rollback" or "skip".
    """

    rounds: int
    evaluate_every: int
    checkpoint_every: int
    images_per_round: int
    select_by: str | None = None
    checkpoint_minutes: float = 0.0
    on_divergence: str = "stop"


@dataclasses.dataclass(kw_only=True)
class Progress:
    """Where a training stands; saved with every checkpoint.

    Attributes:
        step: rounds played.
        seconds: spent on them, evaluations left out.
        best_value: of `Plan.select_by` so far.
        best_step: when it was reached.
        rollbacks: how often the training went back to a good checkpoint.
        events: what went wrong on the way and what was done, dicts as of `Trouble.event`.
    """

    step: int = 0
    seconds: float = 0.0
    best_value: float | None = None
    best_step: int | None = None
    rollbacks: int = 0
    events: list = dataclasses.field(default_factory=list)

    def is_best(self, value):
        """Notes a value as good as any before; the later of equals is trained more."""
        if value is None or (self.best_value is not None and value < self.best_value):
            return False
        self.best_value, self.best_step = value, self.step
        return True
