"""A run has to be finished; `test_experiment.py` compresses the student of one that is."""

import pytest

from mosaickd_tf import finished_run
from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError


def test_there_is_nothing_to_compress_without_a_finished_run(tmp_path):
    with pytest.raises(RequestError, match="of a finished run"):
        finished_run.compress(tmp_path, ("tflite_pruned",), CompressionConfig(), "logits")
