"""Checkpoints restore everything bit for bit, and a kill leaves an intact one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RunError
from mosaickd_tf.training.checkpoints import Checkpoints, NotFinite
from mosaickd_tf.training.optimizers import MomentumSGD, gan_adam
from mosaickd_tf.utils import files


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


def test_last_is_the_newest_and_best_the_newest_of_that_name(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step, names in ((1, ["best"]), (2, ["best"]), (3, []), (4, [])):
        counter.assign(10 * step)
        kept.save({"step": step}, names=names)
    for checkpoints_of in (kept, Checkpoints(tmp_path, {"counter": counter})):
        assert checkpoints_of.restore("best") == {"step": 2}
        assert counter.numpy() == 20
    kept = Checkpoints(tmp_path, {"counter": counter})
    assert kept.restore("last") == {"step": 4}
    assert counter.numpy() == 40
    assert kept.has("best") and not kept.has("good")


def test_the_last_two_are_kept_and_those_of_each_name(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step in range(1, 8):
        kept.save({"step": step}, names=["best"] if step in (1, 2, 4) else [])
    assert steps(tmp_path) == [
        "step_00000002_save_000002",
        "step_00000004_save_000004",
        "step_00000006_save_000006",
        "step_00000007_save_000007",
    ]


def test_links_lead_users_to_the_newest_of_each_name(tmp_path, counter):
    checkpoints = Checkpoints(tmp_path, {"counter": counter})
    checkpoints.save({"step": 1}, names=("best",))
    checkpoints.save({"step": 2})
    assert files.read_json(tmp_path / "last" / "progress.json") == {"step": 2}
    assert files.read_json(tmp_path / "best" / "progress.json") == {"step": 1}


def test_after_a_restore_numbers_go_on_and_later_names_are_forgotten(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    kept.save({"step": 1}, names=["good", "best"])
    kept.save({"step": 2}, names=["best"])
    assert kept.restore("good") == {"step": 1}
    kept.save({"step": 1, "again": True})
    fresh = Checkpoints(tmp_path, {"counter": counter})
    assert fresh.restore() == {"step": 1, "again": True}
    assert fresh.restore("best") == {"step": 1}


def test_progress_can_be_read_without_touching_the_state(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    kept.save({"step": 1, "best_value": None})
    counter.assign(5)
    assert kept.progress() == {"step": 1, "best_value": None}
    assert counter.numpy() == 5


@pytest.mark.parametrize("where", ["state", "json", "rename"])
def test_a_kill_while_saving_leaves_the_former_last(tmp_path, counter, monkeypatch, where):
    kept = Checkpoints(tmp_path, {"counter": counter})
    counter.assign(1)
    kept.save({"step": 1}, names=["best"])
    counter.assign(2)

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if where == "state":
            patch.setattr(kept._checkpoint, "write", killed)
        elif where == "json":
            patch.setattr(files, "write_json", killed)
        else:
            patch.setattr(files, "_rename", killed)
        with pytest.raises(Killed):
            kept.save({"step": 2}, names=["best"])
    fresh = Checkpoints(tmp_path, {"counter": counter})
    for name in ("last", "best"):
        counter.assign(0)
        assert fresh.restore(name) == {"step": 1}
        assert counter.numpy() == 1
    assert steps(tmp_path) == ["step_00000001_save_000001"]


def test_what_a_killed_process_left_is_cleared_away_at_the_next(tmp_path, counter):
    left = tmp_path / ".step_00000009_save_000001.partial"
    left.mkdir()
    (left / "state.index").write_bytes(b"half")
    kept = Checkpoints(tmp_path, {"counter": counter})
    assert kept.restore() is None
    kept.save({"step": 1})
    assert steps(tmp_path) == ["step_00000001_save_000001"]


# Bytes that have changed

CONTENT = ["state.index", "state.data-00000-of-00001", "progress.json", "names.json", "sums.json"]


def flip(content, at):
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


DAMAGE = {
    "header": lambda content: flip(content, 0),
    "middle": lambda content: flip(content, len(content) // 2),
    "end": lambda content: flip(content, len(content) - 2),
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "gone": None,
}


def damage(path, how):
    content = path.read_bytes()
    path.unlink()
    if DAMAGE[how]:
        path.write_bytes(DAMAGE[how](content))


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", CONTENT)
def test_of_a_damaged_checkpoint_the_one_before_is_used_and_that_is_logged(
    tmp_path, caplog, counter, name, how
):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step in (1, 2):
        counter.assign(step)
        kept.save({"step": step}, names=["best"])
    damage(tmp_path / "step_00000002_save_000002" / name, how)
    for restored in ("last", "best"):
        fresh = Checkpoints(tmp_path, {"counter": counter})
        assert fresh.restore(restored) == {"step": 1}
        assert counter.numpy() == 1
    assert "step_00000002_save_000002 is broken; the one before is used" in caplog.text
    assert fresh.progress() == {"step": 1}
    fresh.save({"step": 2})
    fresh.save({"step": 3})
    assert steps(tmp_path)[-2:] == ["step_00000002_save_000003", "step_00000003_save_000004"]


def test_a_broken_checkpoint_is_not_one_of_the_two_that_are_kept(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step in (1, 2):
        kept.save({"step": step})
    damage(tmp_path / "step_00000002_save_000002" / "state.index", "header")
    fresh = Checkpoints(tmp_path, {"counter": counter})
    fresh.restore()
    fresh.save({"step": 2})
    assert steps(tmp_path) == ["step_00000001_save_000001", "step_00000002_save_000003"]


def test_when_none_is_intact_nothing_starts_over_by_itself(tmp_path, counter):
    kept = Checkpoints(tmp_path, {"counter": counter})
    for step in (1, 2):
        kept.save({"step": step})
    for place in tmp_path.glob("step_*"):
        damage(place / "state.index", "truncated")
    with pytest.raises(RunError, match="No checkpoint in .* is intact") as caught:
        Checkpoints(tmp_path, {"counter": counter}).restore()
    assert len(str(caught.value).splitlines()) == 1
    assert len(steps(tmp_path)) == 2


def test_a_number_that_is_not_finite_is_never_saved(tmp_path):
    weights = {"student": tf.Variable([1.0, 2.0]), "half": tf.Variable([1.0], dtype="bfloat16")}
    kept = Checkpoints(tmp_path, weights)
    kept.save({"step": 1})
    for name, variable in weights.items():
        good = variable.numpy()
        variable.assign(variable * float("inf"))
        with pytest.raises(NotFinite, match=name):
            kept.save({"step": 2})
        variable.assign(good)
    assert steps(tmp_path) == ["step_00000001_save_000001"]


def test_a_checkpoint_of_other_models_is_refused(tmp_path, counter):
    Checkpoints(tmp_path, {"counter": counter}).save({"step": 1})
    for other in (tf.Variable(0), tf.Variable([0, 0])):
        name = "other" if other.shape == () else "counter"
        with pytest.raises(RunError, match="of other networks") as caught:
            Checkpoints(tmp_path, {name: other}).restore()
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("optional, is_read", [((), False), (("means",), True)])
def test_an_optional_key_may_be_missing_from_a_checkpoint(tmp_path, counter, optional, is_read):
    counter.assign(3)
    Checkpoints(tmp_path, {"counter": counter}).save({"step": 1})
    fresh, mean = tf.Variable(0), tf.Variable(0.5)
    newer = Checkpoints(tmp_path, {"counter": fresh, "means": [mean]}, optional)
    if not is_read:
        with pytest.raises(RunError, match="of other networks"):
            newer.restore()
        return
    assert newer.restore() == {"step": 1}
    assert (int(fresh.numpy()), float(mean.numpy())) == (3, 0.5)
    mean.assign(0.25)
    newer.save({"step": 2})
    mean.assign(0.0)
    assert newer.restore() == {"step": 2}
    assert float(mean.numpy()) == 0.25


def test_an_optional_key_that_is_there_has_to_fit(tmp_path, counter):
    Checkpoints(tmp_path, {"counter": counter, "means": [tf.Variable(0)]}).save({"step": 1})
    other = {"counter": counter, "means": [tf.Variable([0, 0])]}
    with pytest.raises(RunError, match="of other networks"):
        Checkpoints(tmp_path, other, ("means",)).restore()
