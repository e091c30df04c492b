"""Plan and progress of a training."""

import dataclasses

from mosaickd_tf.errors import RequestError

_EVALUATIONS = 10  # in a training, unless `evaluate_every` is given
_REMEDY = (
    "Lower the learning rates or the weight of that term, in another folder, or choose another "
    "`on_divergence` in this one"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """Length of a training, and what is due in the course of it.

    Attributes:
        rounds: number of rounds of the whole training.
        evaluate_every: rounds between evaluations.
        checkpoint_every: rounds between checkpoints.
        batch_size: images of a batch, for the speed.
        select_by: name of the metric by which the best state is selected, or None to keep the
            last.
        checkpoint_minutes: minutes after which a checkpoint is due whatever the round; 0 for
            never.
        on_divergence: reaction to divergence: "stop", "rollback" or "skip".
        rounds_per_call: rounds in a call of the compiled function, a divisor of `rounds`,
            `evaluate_every` and `checkpoint_every`.
        average_over: rounds between resets of the metrics; None to reset them at evaluations.
        unit: name of a round in the log and in messages, "step" for a teacher.
        remedy: advice to a user whose training diverged, a sentence without its full stop.
    """

    rounds: int
    evaluate_every: int
    checkpoint_every: int
    batch_size: int
    select_by: str | None = None
    checkpoint_minutes: float = 0.0
    on_divergence: str = "stop"
    rounds_per_call: int = 1
    average_over: int | None = None
    unit: str = "round"
    remedy: str = _REMEDY


def evaluation_interval(rounds):
    """Returns the rounds between evaluations of a training of so many rounds."""
    return max(1, rounds // _EVALUATIONS)


def plan_for(config, select_by=None):
    """Returns the plan of a distillation.

    Args:
        config: a `DistillConfig`.
        select_by: name of the metric by which the best state is selected, or None.

    Returns:
        A `Plan`.

    Raises:
        RequestError: when evaluations or checkpoints would fall between two calls.
    """
    rounds, options = config.optimization.rounds, config.run
    evaluate_every = options.evaluate_every or evaluation_interval(rounds)
    checkpoint_every = options.checkpoint_every or evaluate_every
    per_call = options.steps_per_execution
    if any(number % per_call for number in (rounds, evaluate_every, checkpoint_every)):
        raise RequestError(
            "`rounds`, `evaluate_every` and `checkpoint_every` do not fit the rounds in a call. "
            f"Expected multiples of steps_per_execution={per_call}. Received: {rounds}, "
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
        rounds_per_call=per_call,
    )


@dataclasses.dataclass(kw_only=True)
class Progress:
    """Progress of a training; saved with every checkpoint.

    Attributes:
        step: number of rounds trained.
        seconds: time they took, evaluations left out.
        best_value: best value of `Plan.select_by` so far.
        best_step: round in which it was reached.
        rollbacks: number of rollbacks to a good checkpoint.
        events: signs of divergence and what was done, dicts as of `DivergenceEvent.to_json`.
    """

    step: int = 0
    seconds: float = 0.0
    best_value: float | None = None
    best_step: int | None = None
    rollbacks: int = 0
    events: list = dataclasses.field(default_factory=list)

    def images_per_second(self, batch_size):
        """Returns the speed at one batch a round, whatever the method consumes."""
        return self.step * batch_size / self.seconds

    def is_best(self, value):
        """Notes a value that is at least as good as the best; the later of equals wins."""
        if value is None or (self.best_value is not None and value < self.best_value):
            return False
        self.best_value, self.best_step = value, self.step
        return True
