"""A run has to be finished; `test_experiment.py` compresses the student of one that is."""

import pytest
import tensorflow as tf

from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import compress
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.utils import files
from mosaickd_tf.utils.lock import Lock


def test_there_is_nothing_to_compress_without_a_finished_run(tmp_path):
    with pytest.raises(RequestError, match="of a finished run"):
        compress.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")


@pytest.mark.parametrize(
    "kept, received", [(None, "Received: none"), (2, "Received: the latest is of round 2")]
)
def test_a_run_without_its_last_checkpoint_is_refused_and_not_played_again(
    tmp_path, monkeypatch, kept, received
):
    files.write_json(tmp_path / "result.json", {"config": {"rounds": 3}})
    if kept:
        Checkpoints(tmp_path / "checkpoints", {"x": tf.Variable(1.0)}).save({"step": kept})
    monkeypatch.setattr(compress, "Experiment", None)
    with pytest.raises(RequestError, match=f"Expected a checkpoint of round 3 .*{received}"):
        compress.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")


def test_data_that_moved_are_looked_for_where_they_are_said_to_be(tmp_path, monkeypatch):
    files.write_json(tmp_path / "result.json", {"config": {"rounds": 3, "data_dir": "gone"}})
    Checkpoints(tmp_path / "checkpoints", {"x": tf.Variable(1.0)}).save({"step": 3})
    monkeypatch.setattr(
        compress.validate, "validate_and_load", lambda config: [config.data.data_dir]
    )

    class Noted:
        def __init__(self, config, folder, data_dir):
            self.data_dir = data_dir

        def compress(self, *_):
            return self.data_dir

    monkeypatch.setattr(compress, "Experiment", Noted)
    asked = (("tflite_pruned",), CompressionConfig(), "logits")
    assert compress.compress(tmp_path, *asked) == "gone"
    assert compress.compress(tmp_path, *asked, data_dir="here") == "here"


def test_nothing_is_compressed_while_another_process_works_in_the_folder(tmp_path):
    files.write_json(tmp_path / "result.json", {"config": {}})
    lock = Lock(tmp_path)
    with pytest.raises(RequestError, match="A run is at work"):
        compress.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")
    lock.release()
