"""A run has to be finished; `test_experiment.py` compresses the student of one that is."""

import pytest

from mosaickd_tf import files, finished_run
from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.lock import Lock


def test_there_is_nothing_to_compress_without_a_finished_run(tmp_path):
    with pytest.raises(RequestError, match="of a finished run"):
        finished_run.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")


def test_nothing_is_compressed_while_another_process_works_in_the_folder(tmp_path):
    files.write_json(tmp_path / "result.json", {"config": {}})
    lock = Lock(tmp_path)
    with pytest.raises(RequestError, match="A run is at work"):
        finished_run.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")
    lock.release()
