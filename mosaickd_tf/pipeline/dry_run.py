"""Plan of a run: its data and networks, and the memory and time of rounds that are run on trial."""

import dataclasses
import time

import numpy as np

from mosaickd_tf import models
from mosaickd_tf.pipeline.batch_size import gibibytes
from mosaickd_tf.pipeline.build import batches_from, build_distiller
from mosaickd_tf.utils import machine

_TIMED_CALLS = 2  # of the compiled function, after the one that compiles it
_MINUTE, _HOUR = 60, 3600


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """Rounds of a method that were run on trial.

    Attributes:
        seconds_per_round: mean of two calls of the compiled function.
        peak_bytes: peak memory of this process so far, or of the first GPU.
    """

    seconds_per_round: float
    peak_bytes: int


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
        trial = run_trial(method, prepared)
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


def run_trial(method, prepared):
    """Runs a call of the compiled function that compiles it, and two that are timed.

    Args:
        method: a `PreparedMethod`; its networks keep their weights.
        prepared: the `Prepared` that it belongs to.

    Returns:
        A `Trial`.
    """
    images = _images(method, prepared)
    policy = machine.resolve_precision(method.config.run.precision)
    distiller = build_distiller(method.networks, prepared.teacher, policy, num_images=len(images))
    distiller.make_train_function()
    batches = iter(batches_from(method.config, distiller, images)(0))
    _call(distiller, batches)
    start = time.perf_counter()
    for _ in range(_TIMED_CALLS):
        _call(distiller, batches)
    rounds = _TIMED_CALLS * distiller.steps_per_execution
    return Trial(
        seconds_per_round=(time.perf_counter() - start) / rounds, peak_bytes=machine.peak_bytes()
    )


def _images(method, prepared):
    if prepared.ood:
        return prepared.ood.images
    batch_size = method.config.optimization.batch_size
    return np.zeros((batch_size, *prepared.teacher.input_shape[1:]), np.uint8)


def _call(distiller, batches):
    for term in distiller.train_function(batches).values():
        float(term)  # waits for the device


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
