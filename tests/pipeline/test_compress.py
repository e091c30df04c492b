"""Compression of a finished run's student; `test_run.py` compresses that of a real run."""

import pytest
import tensorflow as tf

from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import compress
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.utils import files
from mosaickd_tf.utils.lock import Lock


def test_without_a_finished_run_compression_is_refused(tmp_path):
    with pytest.raises(RequestError, match="of a finished run"):
        compress.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")


@pytest.mark.parametrize(
    "kept, received", [(None, "Received: none"), (2, "Received: the latest is of round 2")]
)
def test_a_run_without_its_last_checkpoint_is_refused_and_not_trained_again(
    tmp_path, monkeypatch, kept, received
):
    files.write_json(tmp_path / "result.json", {"config": {"rounds": 3}})
    if kept:
        Checkpoints(tmp_path / "checkpoints", {"x": tf.Variable(1.0)}).save({"step": kept})
    monkeypatch.setattr(compress, "Run", None)
    with pytest.raises(RequestError, match=f"Expected a checkpoint of round 3 .*{received}"):
        compress.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")


def test_moved_data_are_read_from_the_given_folder(tmp_path, monkeypatch):
    files.write_json(tmp_path / "result.json", {"config": {"rounds": 3, "data_dir": "gone"}})
    Checkpoints(tmp_path / "checkpoints", {"x": tf.Variable(1.0)}).save({"step": 3})
    monkeypatch.setattr(compress.validate, "validate_and_load", lambda config: config)

    class FakeRun:
        def __init__(self, prepared, folder):
            self.data_dir = prepared.data.data_dir

        def compress(self, *_):
            return self.data_dir

    monkeypatch.setattr(compress, "Run", FakeRun)
    request = (("tflite_pruned",), CompressionConfig(), "logits")
    assert compress.compress(tmp_path, *request) == "gone"
    assert compress.compress(tmp_path, *request, data_dir="here") == "here"


def test_nothing_is_compressed_while_another_process_uses_the_folder(tmp_path):
    files.write_json(tmp_path / "result.json", {"config": {}})
    lock = Lock(tmp_path)
    with pytest.raises(RequestError, match="Another run uses this folder"):
        compress.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")
    lock.release()
