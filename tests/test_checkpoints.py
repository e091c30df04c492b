"""Checkpoints: everything comes back bit for bit, and a kill leaves a whole one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import checkpoints, files
from mosaickd_tf.checkpoints import Checkpoints
from mosaickd_tf.optimizers import MomentumSGD, gan_adam


class Killed(BaseException):
    """Stands for what ends a process in the middle of a write."""


def state(seed=0):
    """A model with moving statistics, both kinds of optimizer after an update, a counter."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()]
    )
    made = {"model": model, "rounds": tf.Variable(seed, dtype="int64")}
    rng = np.random.RandomState(seed)
    for name, optimizer in (("sgd", MomentumSGD(0.1, l2=1e-4)), ("adam", gan_adam())):
        optimizer.build(model.trainable_variables)
        gradients = [
            tf.constant(rng.normal(size=v.shape), "float32") for v in model.trainable_variables
        ]
        optimizer.apply(gradients, model.trainable_variables)
        made[name] = optimizer
    model(rng.normal(size=(5, 3)).astype("float32"), training=True)
    return made


def values(state):
    variables = [
        *state["model"].variables,
        *state["sgd"].variables,
        *state["adam"].variables,
        state["rounds"],
    ]
    return [variable.numpy().tobytes() for variable in variables]


def steps(folder):
    return sorted(path.name for path in folder.iterdir() if not path.is_symlink())


@pytest.fixture
def counter():
    """The smallest state: one number."""
    return tf.Variable(0)


def test_models_optimizers_and_variables_come_back_bit_for_bit(tmp_path):
    saved, fresh = state(seed=1), state(seed=2)
    wanted = values(saved)
    assert all(old != new for old, new in zip(wanted[:2], values(fresh)[:2], strict=True))
    Checkpoints(tmp_path, saved).save({"step": 7, "seconds": 1.5})
    progress = Checkpoints(tmp_path, fresh).restore()
    assert progress == {"step": 7, "seconds": 1.5}
    assert values(fresh) == wanted
    assert len(wanted) > 15


def test_there_is_nothing_to_restore_in_a_new_folder(tmp_path, counter):
    kept = Checkpoints(tmp_path / "new", {"counter": counter})
    assert kept.restore() is None
    assert kept.restore("best") is None
    assert not (tmp_path / "new").exists()


def test_last_is_the_latest_and_best_the_one_that_was_said_to_be(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step, best in ((1, True), (2, True), (3, False), (4, False)):
        counter.assign(10 * step)
        kept.save({"step": step}, best=best)
    assert kept.restore("best") == {"step": 2}
    assert counter.numpy() == 20
    assert kept.restore("last") == {"step": 4}
    assert counter.numpy() == 40


def test_steps_that_neither_name_points_to_are_removed(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step in range(1, 6):
        kept.save({"step": step}, best=step == 2)
    assert steps(tmp_path) == ["step_00000002", "step_00000005"]
    kept.save({"step": 6}, best=True)
    assert steps(tmp_path) == ["step_00000006"]


def test_progress_can_be_read_without_touching_the_state(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    kept.save({"step": 1, "best_value": None})
    counter.assign(5)
    assert kept.progress() == {"step": 1, "best_value": None}
    assert counter.numpy() == 5


@pytest.mark.parametrize("where", ["state", "progress", "rename"])
def test_a_kill_while_saving_leaves_the_former_last(tmp_path, counter, monkeypatch, where):
    kept = Checkpoints(tmp_path, {"counter": counter})
    counter.assign(1)
    kept.save({"step": 1}, best=True)
    counter.assign(2)

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if where == "state":
            patch.setattr(kept._checkpoint, "write", killed)
        elif where == "progress":
            patch.setattr(files, "write_json", killed)
        else:
            patch.setattr(checkpoints.files.os, "replace", killed)
        with pytest.raises(Killed):
            kept.save({"step": 2}, best=True)
    for name in ("last", "best"):
        counter.assign(0)
        assert kept.restore(name) == {"step": 1}
        assert counter.numpy() == 1
    assert steps(tmp_path) == ["step_00000001"]


def test_a_kill_between_the_two_names_never_leaves_last_ahead_of_its_best(
    tmp_path, counter, monkeypatch
):
    """Who goes on from `last` trusts the best value in it to be that of `best`."""
    kept = Checkpoints(tmp_path, {"counter": counter})
    kept.save({"step": 1, "best_step": 1}, best=True)
    point, pointed = kept._point, []

    def killed_after_one(name, target):
        if pointed:
            raise Killed
        pointed.append(name)
        point(name, target)

    monkeypatch.setattr(kept, "_point", killed_after_one)
    with pytest.raises(Killed):
        kept.save({"step": 2, "best_step": 2}, best=True)
    assert kept.progress("last")["best_step"] <= kept.progress("best")["step"]


def test_a_checkpoint_of_other_models_is_refused(tmp_path, counter):
    Checkpoints(tmp_path, {"counter": counter}).save({"step": 1})
    with pytest.raises(AssertionError):
        Checkpoints(tmp_path, {"other": tf.Variable(0)}).restore()
