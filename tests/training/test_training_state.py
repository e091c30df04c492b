"""Networks, progress and metrics of a training, saved and restored as one."""

import json

import pytest
import tensorflow as tf

from mosaickd_tf.training.divergence import Diverged
from mosaickd_tf.training.training_state import TrainingState


def advance(state, weight, step, value):
    """Trains to a step: changes the weight, the progress and the rows."""
    weight.assign(float(step))
    state.progress.step = step
    state.progress.best_value, state.progress.best_step = value, step
    state.log.write({"round": step, "validation_accuracy": value})


def numbers(state):
    return state.progress.step, state.progress.best_value, state.progress.best_step


def test_a_new_folder_starts_at_round_0_without_rows(tmp_path):
    state = TrainingState({"weight": tf.Variable(1.0)}, tmp_path)
    assert (state.progress.step, state.log.rows, state.last_step()) == (0, [], None)
    assert not state.has("best")


def test_weights_progress_and_rows_come_back_together(tmp_path):
    weight = tf.Variable(0.0)
    state = TrainingState({"weight": weight}, tmp_path)
    advance(state, weight, 3, 0.5)
    state.save()
    advance(state, weight, 4, 0.6)  # lost with the process

    weight = tf.Variable(-1.0)
    again = TrainingState({"weight": weight}, tmp_path)
    assert weight.numpy() == 3.0 and numbers(again) == (3, 0.5, 3)
    assert again.log.rows == [{"round": 3, "validation_accuracy": 0.5}]
    written = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == again.log.rows
    assert again.last_step() == 3


def test_a_checkpoint_of_a_name_is_restored_whole(tmp_path):
    weight = tf.Variable(0.0)
    state = TrainingState({"weight": weight}, tmp_path)
    advance(state, weight, 1, 0.9)
    state.save(names=("good",))
    advance(state, weight, 2, 0.1)
    state.save()
    progress = state.progress
    state.restore("good")
    assert state.progress is progress  # others hold it
    assert weight.numpy() == 1.0 and numbers(state) == (1, 0.9, 1)
    assert [row["round"] for row in state.log.rows] == [1]


def test_the_best_is_restored_at_the_progress_that_was_made(tmp_path):
    weight = tf.Variable(0.0)
    state = TrainingState({"weight": weight}, tmp_path)
    advance(state, weight, 1, 0.9)
    state.save(names=("best",))
    weight.assign(2.0)
    state.progress.step = 2
    state.save()
    state.restore_best()
    assert weight.numpy() == 1.0 and numbers(state) == (2, 0.9, 1)


def test_a_state_that_is_not_finite_is_not_saved_and_named(tmp_path):
    weight = tf.Variable(0.0)
    state = TrainingState({"weight": weight}, tmp_path)
    advance(state, weight, 1, 0.9)
    state.save()
    weight.assign(float("nan"))
    state.progress.step = 2
    with pytest.raises(Diverged, match="weight are not finite") as caught:
        state.save()
    assert caught.value.event.round == 2 and state.last_step() == 1
