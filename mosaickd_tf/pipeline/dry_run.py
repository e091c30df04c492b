"""Plan of a run: its data and networks, and the memory and time of rounds that are run on trial."""

from mosaickd_tf import models
from mosaickd_tf.pipeline.batch_size import gibibytes
from mosaickd_tf.pipeline.trial import run_trial
from mosaickd_tf.utils import machine

_MINUTE, _HOUR = 60, 3600


def describe(prepared):
    """Returns what a run would do, as text: data, networks, batch and rounds.

    Args:
        prepared: a `Prepared`.
    """
    target, config = prepared.target, prepared.config
    parts = (
        {f"target, {name}": getattr(target, name) for name in ("train", "validation", "test")}
        if target
        else {}
    )
    parts["OOD"] = prepared.ood
    lines = [f"{name}: {len(part):,} images" for name, part in parts.items() if part]
    for role, network in {"teacher": prepared.teacher, **prepared.method.networks.by_name}.items():
        lines.append(f"{role}: {network.name}, {_cost(network)}")
    policy = machine.resolve_precision(config.run.precision)
    lines += [
        f"{method.name}: {method.config.optimization.rounds:,} rounds of batch "
        f"{method.config.optimization.batch_size} in {policy}"
        for method in prepared.methods
    ]
    return "\n".join(lines)


def describe_trial(prepared):
    """Runs a few rounds of each method and returns their memory and time, as text.

    The teacher is taken as it is: one that the run trains first costs the same untrained.

    Args:
        prepared: a `Prepared`.
    """
    lines, total = [], 0
    for method in prepared.methods:
        trial = prepared.trials.get(method.name) or run_trial(method, prepared)
        seconds = trial.seconds_per_round * method.config.optimization.rounds
        total += seconds
        lines.append(
            f"{method.name}: {trial.seconds_per_round:.3g} s a round, {_duration(seconds)} in all"
        )
    if len(lines) > 1:
        lines.append(f"all methods: {_duration(total)}")
    lines.append(
        f"peak memory: {gibibytes(trial.peak_bytes)}; evaluations, exports and the training "
        "of a teacher by name add to the time"
    )
    return "\n".join(lines)


def _cost(network):
    parameters, macs = models.parameters(network), models.macs(network)
    known = f"{macs:,} multiply-accumulates an image" if macs is not None else "of unknown cost"
    return f"{parameters:,} parameters, {known}"


def _duration(seconds):
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
