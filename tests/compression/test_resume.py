"""A compression job that is interrupted ends with the bits of one that is not."""

import dataclasses
import os
import signal

import numpy as np
import pytest

from mosaickd_tf import compression
from mosaickd_tf.compression import compression_pipeline, weight_statistics
from mosaickd_tf.config import COMPRESSED
from mosaickd_tf.errors import Interrupted
from mosaickd_tf.utils import files
from tests import tiny
from tests.compression import QUICK, batches, distiller, student

pytestmark = pytest.mark.usefixtures("eagerly")

ROUNDS = 4
CONFIG = dataclasses.replace(
    QUICK, compression_rounds=ROUNDS, combine=("pruned_int8", "pruned_clustered")
)
JOBS = {job.name: job for job in compression.compression_jobs(COMPRESSED, CONFIG)}


class Killed(BaseException):
    """Stands for what ends a process at once."""


def kill():
    raise Killed


def stop():
    os.kill(os.getpid(), signal.SIGTERM)


class Interrupting:
    """The run's batches; before those of a round of the training, something happens."""

    def __init__(self, at, how):
        self.at = at
        self.how = how
        self.rounds = []

    def __call__(self, start_round):
        for number, batch in enumerate(batches(start_round), start_round):
            self.rounds.append(number)
            if number == self.at and len(self.rounds) > 1:  # the first is the pipeline's
                self.how()
            yield batch


def make(job, folder, stream=batches):
    """Makes one job, and no file; returns the values of all variables of the trained model."""
    pipeline = compression_pipeline.CompressionPipeline(
        student(), distiller(), stream, folder, CONFIG, "logits", 10.0
    )
    trained = []
    fine_tune = compression_pipeline.training.fine_tune

    def note(trainer, *args):
        seconds = fine_tune(trainer, *args)
        trained.append([variable.numpy() for variable in trainer.model.variables])
        return seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compression_pipeline.training, "fine_tune", note)
        patch.setattr(compression_pipeline.convert, "save", lambda *_, **__: kill())
        with pytest.raises(Killed):  # after the training
            pipeline.get_or_make(job)
    return trained[0]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """The student that combined jobs start from, half of its weights zero."""
    folder = tmp_path_factory.mktemp("start")
    kernel = student().get_layer("conv").kernel
    before = kernel.numpy()
    kernel.assign(np.where(np.arange(8) % 2 == 0, 0.0, before))
    student().save(folder / "student.keras")
    kernel.assign(before)
    return folder / "student.keras"


@pytest.mark.slow
@pytest.mark.parametrize("name, how", [*((name, kill) for name in JOBS), ("clustered_4", stop)])
def test_a_resumed_job_has_the_bits_of_an_uninterrupted_one(tmp_path, start, name, how):
    for folder in ("whole", "cut"):
        (tmp_path / folder / "pruned_50").mkdir(parents=True)
        (tmp_path / folder / "pruned_50" / "student.keras").write_bytes(start.read_bytes())
    before = tiny.values(distiller())
    wanted = make(JOBS[name], tmp_path / "whole")
    error = Killed if how is kill else Interrupted
    pipeline = compression_pipeline.CompressionPipeline(
        student(), distiller(), Interrupting(2, how), tmp_path / "cut", CONFIG, "logits", 10.0
    )
    with pytest.raises(error):
        pipeline.get_or_make(JOBS[name])
    assert tiny.same_bits(before, tiny.values(distiller()))
    assert not (tmp_path / "cut" / name / "facts.json").exists()
    resumed = Interrupting(None, None)
    received = make(JOBS[name], tmp_path / "cut", resumed)
    assert resumed.rounds[1:] == [2, 3] if how is kill else [3]
    assert tiny.same_bits(wanted, received)
    assert tiny.same_bits(before, tiny.values(distiller()))
    assert len(wanted) > 10


@pytest.mark.slow
def test_a_job_that_is_killed_after_its_training_is_finished_without_another(tmp_path, monkeypatch):
    asked = ("tflite_clustered",), dataclasses.replace(CONFIG, combine=())
    (wanted,) = compression.compress(student(), distiller(), batches, tmp_path / "a", *asked)
    with monkeypatch.context() as patch:
        patch.setattr(compression_pipeline.convert, "save", lambda *_, **__: kill())
        with pytest.raises(Killed):
            compression.compress(student(), distiller(), batches, tmp_path / "b", *asked)
    seen = Interrupting(None, None)
    (received,) = compression.compress(student(), distiller(), seen, tmp_path / "b", *asked)
    assert seen.rounds == [0]
    kernels = [weight_statistics.of_file(done.path) for done in (wanted, received)]
    assert tiny.same_bits(*kernels)
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"clustered_4"}
    assert received.facts["seconds"] > 0


def test_checkpoints_of_other_options_are_not_resumed(tmp_path):
    other = dataclasses.replace(CONFIG, compression_learning_rate=0.25)
    for config, is_left in ((CONFIG, False), (CONFIG, True), (other, False)):
        pipeline = compression_pipeline.CompressionPipeline(
            student(), distiller(), Interrupting(0, kill), tmp_path, config, "logits", 10.0
        )
        with pytest.raises(Killed):  # in its first round
            pipeline.get_or_make(JOBS["clustered_4"])
        left = tmp_path / ".clustered_4" / "checkpoints" / "left"
        assert left.exists() is is_left
        left.mkdir(parents=True, exist_ok=True)
    request = files.read_json(tmp_path / ".clustered_4" / "request.json")
    assert request["learning_rate"] == 0.25
