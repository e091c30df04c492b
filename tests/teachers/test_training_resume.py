"""Training of a teacher that is interrupted ends with the bits of one that is not."""

import dataclasses
import os
import signal

import pytest

from mosaickd_tf.config import RunConfig
from mosaickd_tf.errors import Interrupted
from mosaickd_tf.teachers import training
from mosaickd_tf.training import TrainingLoop
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.utils import files
from tests import tiny
from tests.teachers.small_training import STEPS, config, target

pytestmark = pytest.mark.usefixtures("eagerly", "small_network")


class Killed(BaseException):
    """Stands for what ends a process at once."""


def stop_after_epoch(monkeypatch, number, how):
    """Lets `how` happen once the checkpoint of an epoch is written."""
    save = Checkpoints.save

    def save_and_stop(self, progress, **options):
        save(self, progress, **options)
        if progress["step"] == number * STEPS:
            how()

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)


@pytest.fixture(scope="module")
def uninterrupted():
    """Values and metrics of a teacher that was trained in one go, once they are requested."""
    return {}


def in_one_go(uninterrupted, tmp_path):
    if not uninterrupted:
        teacher = training.train_teacher(config(), target(), tmp_path / "in one go")
        uninterrupted["values"] = tiny.values(teacher)
        uninterrupted["rows"] = rows(tmp_path / "in one go")
    return uninterrupted["values"], uninterrupted["rows"]


def test_the_same_request_gives_the_same_teacher(tmp_path, uninterrupted):
    wanted, _ = in_one_go(uninterrupted, tmp_path)
    again = training.train_teacher(config(), target(), tmp_path / "again")
    assert tiny.same_bits(wanted, tiny.values(again))


def test_a_resumed_teacher_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path, monkeypatch, uninterrupted
):
    def kill():
        raise Killed

    wanted, _ = in_one_go(uninterrupted, tmp_path)
    with monkeypatch.context() as patch:
        stop_after_epoch(patch, 2, kill)
        with pytest.raises(Killed):
            training.train_teacher(config(), target(), tmp_path / "cut")
    assert not (tmp_path / "cut" / "teacher.keras").exists()
    teacher = training.train_teacher(config(), target(), tmp_path / "cut")
    assert tiny.same_bits(wanted, tiny.values(teacher))


def after_step(monkeypatch, number, how):
    """Lets `how` happen after an update, before anything that is due then."""
    train_rounds = TrainingLoop._train_rounds

    def train_and_more(self, *args):
        terms = train_rounds(self, *args)
        if self.progress.step == number:
            how()
        return terms

    monkeypatch.setattr(TrainingLoop, "_train_rounds", train_and_more)


def rows(folder):
    """Returns the recorded metrics but those of the clock and of the interruption."""
    spared = ("images_per_second", "resumed_from")
    return [
        {name: value for name, value in row.items() if name not in spared}
        for row in read_rows(folder / "metrics.jsonl")
    ]


@pytest.mark.parametrize("step", [2, 3, 7])  # inside of epochs, at the end of one
def test_a_signal_stops_at_a_checkpoint_from_which_the_teacher_resumes(
    tmp_path, monkeypatch, uninterrupted, caplog, step
):
    wanted, wanted_rows = in_one_go(uninterrupted, tmp_path)
    with monkeypatch.context() as patch:
        after_step(patch, step, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Interrupted) as caught:
            training.train_teacher(config(), target(), tmp_path / "cut")
    assert caught.value.signal == signal.SIGTERM
    assert Checkpoints(tmp_path / "cut" / "checkpoints", {}).progress()["step"] == step
    with caplog.at_level("INFO", "mosaickd_tf"):
        teacher = training.train_teacher(config(), target(), tmp_path / "cut")
    assert caplog.messages[0] == f"teacher: resuming from step {step} of 9"
    assert tiny.same_bits(wanted, tiny.values(teacher))
    assert rows(tmp_path / "cut") == wanted_rows


def test_a_checkpoint_is_due_inside_of_an_epoch_after_minutes(tmp_path, monkeypatch, uninterrupted):
    def kill():
        raise Killed

    wanted, _ = in_one_go(uninterrupted, tmp_path)
    asked = dataclasses.replace(
        config(), run=RunConfig(precision="float32", checkpoint_minutes=1e-9)
    )
    with monkeypatch.context() as patch:
        after_step(patch, 5, kill)
        with pytest.raises(Killed):
            training.train_teacher(asked, target(), tmp_path / "cut")
    assert Checkpoints(tmp_path / "cut" / "checkpoints", {}).progress()["step"] == 4
    teacher = training.train_teacher(asked, target(), tmp_path / "cut")
    assert tiny.same_bits(wanted, tiny.values(teacher))


@pytest.mark.parametrize("name", ["teacher.keras", "teacher.json"])
def test_a_teacher_whose_file_has_changed_is_restored_from_its_checkpoint(
    tmp_path, monkeypatch, caplog, name
):
    teacher = training.train_teacher(config(teacher_epochs=1), target(), tmp_path)
    content = (tmp_path / name).read_bytes()
    middle = len(content) // 2
    changed = bytes([content[middle] ^ 0x80])
    (tmp_path / name).write_bytes(content[:middle] + changed + content[middle + 1 :])
    monkeypatch.setattr(TrainingLoop, "_train_rounds", None)
    again = training.train_teacher(config(teacher_epochs=1), target(), tmp_path)
    assert tiny.same_bits(tiny.values(teacher), tiny.values(again))
    assert "is broken" in caplog.text
    assert "sha256" in files.read_json(tmp_path / "teacher.json")


def test_a_signal_after_the_last_epoch_is_not_swallowed(tmp_path, monkeypatch):
    """The distillation that follows takes longer than the training."""
    stop_after_epoch(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        training.train_teacher(config(teacher_epochs=1), target(), tmp_path)


@pytest.mark.parametrize("step", [2, 3])
def test_a_teacher_that_version_0_1_0_has_begun_is_resumed(
    tmp_path, monkeypatch, uninterrupted, step
):
    """Its checkpoints have no means of the metrics, and no progress but the step."""
    wanted, _ = in_one_go(uninterrupted, tmp_path)
    state, save = training.TeacherTrainer.state, Checkpoints.save
    with monkeypatch.context() as patch:
        after_step(patch, step, lambda: os.kill(os.getpid(), signal.SIGTERM))
        patch.setattr(
            training.TeacherTrainer,
            "state",
            lambda self: {name: state(self)[name] for name in ("teacher", "optimizer")},
        )
        patch.setattr(Checkpoints, "save", lambda self, at, **_: save(self, {"step": at["step"]}))
        with pytest.raises(Interrupted):
            training.train_teacher(config(), target(), tmp_path / "cut")
    assert Checkpoints(tmp_path / "cut" / "checkpoints", {}).progress() == {"step": step}
    teacher = training.train_teacher(config(), target(), tmp_path / "cut")
    assert tiny.same_bits(wanted, tiny.values(teacher))
