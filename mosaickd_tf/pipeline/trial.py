"""Rounds on trial, which tell the time and memory of a training, and how many are affordable."""

import dataclasses
import logging
import time

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.data.view_logits import fitting_views
from mosaickd_tf.pipeline.batch_size import gibibytes
from mosaickd_tf.pipeline.build import build_distiller
from mosaickd_tf.utils import machine

logger = logging.getLogger(__name__)

TRIAL_BATCH_SIZE = 16  # at which it is measured what a larger batch would take
_FEWEST_ROUNDS = 1000  # that a larger batch should leave affordable
_TIMED_CALLS = 2  # of the compiled function, after the one that compiles it
_SECONDS = 50 * 60  # of a training whose rounds are left to the program; exports take the rest
_EVALUATIONS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """Rounds of a method that were run on trial.

    Attributes:
        seconds_per_round: mean of two calls of the compiled function, after one that is not timed;
            of a method with a warm-up the mean over that and what follows, each by its share.
        seconds_before: of the teacher's passes over the views, before the first round.
        peak_bytes: peak memory of this process so far, or of the first GPU.
    """

    seconds_per_round: float
    peak_bytes: int
    seconds_before: float = 0.0


def run_trials(prepared):
    """Returns the `Trial` of each method of a `Prepared` by name."""
    return {method.name: run_trial(method, prepared) for method in prepared.methods}


def run_trial(method, prepared):
    """Runs a call of the compiled function that compiles it, and two that are timed.

    Args:
        method: a `PreparedMethod`; its networks keep their weights.
        prepared: the `Prepared` that it belongs to.

    Returns:
        A `Trial`.
    """
    ood = prepared.ood
    images = ood.images if ood else method.black_images(prepared.teacher)
    policy = machine.resolve_precision(method.config.run.precision)
    distiller = build_distiller(method.networks, prepared.teacher, policy, num_images=len(images))
    distiller.make_train_function()
    teacher, views, logits = prepared.teacher, 0, None
    if ood and distiller.takes_known_logits:
        data = method.config.data
        views = fitting_views(teacher, len(images), data.views, data.store_megabytes)
    if views:
        logits = np.zeros((views, len(images), teacher.output_shape[-1]), np.float16)
    batches = iter(method.batches(distiller, images, lambda: logits)(0))
    _call(distiller, batches)
    seconds = _seconds_per_round(distiller, batches)
    if distiller.warmup_rounds:
        distiller.rounds_completed.assign(distiller.warmup_rounds)
        _call(distiller, batches)  # makes the student's kernels
        share = distiller.warmup_rounds / method.plan.rounds
        seconds = share * seconds + (1 - share) * _seconds_per_round(distiller, batches)
    return Trial(
        seconds_per_round=seconds,
        peak_bytes=machine.peak_bytes(),
        seconds_before=views * _seconds_of_pass(teacher, images) if views else 0.0,
    )


def _seconds_per_round(distiller, batches):
    start = time.perf_counter()
    for _ in range(_TIMED_CALLS):
        _call(distiller, batches)
    return (time.perf_counter() - start) / (_TIMED_CALLS * distiller.steps_per_execution)


def _seconds_of_pass(teacher, images):
    """Returns the estimated seconds of the teacher on all images, from those of one batch."""
    part = images[: evaluation.BATCH_SIZE]
    evaluation.predict_logits(teacher, part)
    start = time.perf_counter()
    evaluation.predict_logits(teacher, part)
    return (time.perf_counter() - start) * len(images) / len(part)


def _call(distiller, batches):
    for term in distiller.train_function(batches).values():
        float(term)  # waits for the device


def affordable_batch_size(trials, largest):
    """Returns the batch size that leaves 1,000 rounds affordable: a power of two from 16 on.

    Args:
        trials: dict from the names of the methods to their `Trial` with 16 images.
        largest: batch size that is not exceeded.
    """
    seconds = sum(trial.seconds_per_round for trial in trials.values()) / TRIAL_BATCH_SIZE
    affordable = min(largest, _SECONDS / _FEWEST_ROUNDS / seconds)
    batch_size = TRIAL_BATCH_SIZE
    while 2 * batch_size <= affordable:
        batch_size *= 2
    return batch_size


def affordable_rounds(trials, rounds_per_call=1):
    """Returns the number of rounds that the methods of a run can take in 50 minutes together.

    Args:
        trials: dict from the names of the methods to their `Trial`.
        rounds_per_call: `steps_per_execution`.

    Returns:
        A multiple of ten calls, so that ten evaluations fall between calls; at least one.
    """
    seconds = sum(trial.seconds_per_round for trial in trials.values())
    left = max(0.0, _SECONDS - sum(trial.seconds_before for trial in trials.values()))
    step = _EVALUATIONS * rounds_per_call
    rounds = max(1, int(left / seconds) // step) * step
    for name, trial in trials.items():
        logger.info(
            "%s: %.3g s a round, peak memory %s; %s rounds take about %.0f minutes (`rounds`)",
            name,
            trial.seconds_per_round,
            gibibytes(trial.peak_bytes),
            f"{rounds:,}",
            (trial.seconds_before + rounds * trial.seconds_per_round) / 60,
        )
    return rounds
