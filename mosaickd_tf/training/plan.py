"""How long to train and what to do on the way, and where a training stands."""

import dataclasses

from mosaickd_tf.errors import RequestError

EVALUATIONS = 10  # in a run, unless --evaluate_every says otherwise


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to train and what to do on the way.

    Attributes:
        rounds: rounds in all.
        evaluate_every: rounds between evaluations.
        checkpoint_every: rounds between checkpoints.
        batch_size: images of a batch, for the speed.
        select_by: the value of an evaluation by which the best state is chosen, or None to
            keep the last.
        checkpoint_minutes: minutes after which a checkpoint is due whatever the round; 0 for
            never.
        on_divergence: what to do when numbers go wrong: "stop", "rollback" or "skip".
        rounds_per_call: rounds that the compiled function plays in a call, a divisor of
            `rounds`, `evaluate_every` and `checkpoint_every`.
    """

    rounds: int
    evaluate_every: int
    checkpoint_every: int
    batch_size: int
    select_by: str | None = None
    checkpoint_minutes: float = 0.0
    on_divergence: str = "stop"
    rounds_per_call: int = 1


def plan_for(config, select_by=None):
    """The plan of a run.

    Args:
        config: a `DistillConfig`.
        select_by: the value of an evaluation by which the best state is chosen, or None.

    Returns:
        A `Plan`.

    Raises:
        RequestError: when evaluations or checkpoints would fall between two calls.
    """
    rounds, options = config.optimization.rounds, config.run
    evaluate_every = options.evaluate_every or max(1, rounds // EVALUATIONS)
    checkpoint_every = options.checkpoint_every or evaluate_every
    in_a_call = options.steps_per_execution
    if any(number % in_a_call for number in (rounds, evaluate_every, checkpoint_every)):
        raise RequestError(
            "`rounds`, `evaluate_every` and `checkpoint_every` do not fit the rounds in a call. "
            f"Expected multiples of steps_per_execution={in_a_call}. Received: {rounds}, "
            f"{evaluate_every} and {checkpoint_every}. Change one of them"
        )
    return Plan(
        rounds=rounds,
        evaluate_every=evaluate_every,
        checkpoint_every=checkpoint_every,
        checkpoint_minutes=options.checkpoint_minutes,
        on_divergence=options.on_divergence,
        batch_size=config.optimization.batch_size,
        select_by=select_by,
        rounds_per_call=in_a_call,
    )


@dataclasses.dataclass(kw_only=True)
class Progress:
    """Where a training stands; saved with every checkpoint.

    Attributes:
        step: rounds played.
        seconds: spent on them, evaluations left out.
        best_value: of `Plan.select_by` so far.
        best_step: when it was reached.
        rollbacks: how often the training went back to a good checkpoint.
        events: what went wrong on the way and what was done, dicts as of `DivergenceEvent.event`.
    """

    step: int = 0
    seconds: float = 0.0
    best_value: float | None = None
    best_step: int | None = None
    rollbacks: int = 0
    events: list = dataclasses.field(default_factory=list)

    def images_per_second(self, batch_size):
        """A batch a round, as a discriminator sees it, whatever the method consumes."""
        return self.step * batch_size / self.seconds

    def is_best(self, value):
        """Notes a value as good as any before; the later of equals is trained more."""
        if value is None or (self.best_value is not None and value < self.best_value):
            return False
        self.best_value, self.best_step = value, self.step
        return True
