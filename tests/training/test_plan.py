"""Plans of a training, and its progress."""

import dataclasses
import json

import pytest

from mosaickd_tf.config import DistillConfig, OptimizationConfig, RunConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.training.plan import Progress, plan_for


def planned(rounds, **run):
    config = DistillConfig(optimization=OptimizationConfig(rounds=rounds), run=RunConfig(**run))
    plan = plan_for(config)
    return plan.evaluate_every, plan.checkpoint_every, plan.rounds_per_call


def test_a_run_is_evaluated_ten_times_and_checkpointed_as_often():
    assert planned(1000) == (100, 100, 1)
    assert planned(3) == (1, 1, 1)
    assert planned(1000, evaluate_every=30) == (30, 30, 1)
    assert planned(1000, evaluate_every=30, checkpoint_every=7) == (30, 7, 1)


def test_what_else_is_asked_for_is_in_the_plan():
    config = DistillConfig(optimization=OptimizationConfig(rounds=9, batch_size=8))
    plan = plan_for(config, select_by="validation_accuracy")
    assert (plan.rounds, plan.batch_size, plan.select_by) == (9, 8, "validation_accuracy")
    assert (plan.checkpoint_minutes, plan.on_divergence) == (10.0, "stop")


def test_what_is_due_falls_after_a_call_of_several_rounds():
    assert planned(240, steps_per_execution=4) == (24, 24, 4)
    with pytest.raises(RequestError, match="steps_per_execution=4. Received: 250, 25 and 25"):
        planned(250, steps_per_execution=4)


def test_a_value_is_the_best_if_none_before_was_better():
    progress = Progress()
    noted = []
    for step, value in enumerate([0.5, 0.4, 0.5, None, 0.6]):
        progress.step = step
        noted.append((progress.is_best(value), progress.best_step, progress.best_value))
    assert noted == [
        (True, 0, 0.5),
        (False, 0, 0.5),
        (True, 2, 0.5),  # the later of equals
        (False, 2, 0.5),
        (True, 4, 0.6),
    ]


def test_progress_comes_back_from_json():
    progress = Progress(step=3, seconds=1.5, best_value=0.25, rollbacks=1, events=[{"round": 2}])
    assert Progress(**json.loads(json.dumps(dataclasses.asdict(progress)))) == progress
