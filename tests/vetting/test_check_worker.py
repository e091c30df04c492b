"""The subprocess that checks a .tflite file: the runtime reads only valid structures."""

import sys
import types

import pytest

from mosaickd_tf.vetting import check_worker


def test_a_file_of_an_invalid_structure_never_reaches_the_runtime(tmp_path, monkeypatch):
    interpreter = types.SimpleNamespace(Interpreter=lambda **_: pytest.fail("it was opened"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", interpreter)
    path = tmp_path / "text.tflite"
    path.write_bytes(b"\0\0\0\0TEXT" + bytes(100))
    with pytest.raises(ValueError, match="instead of b'TFL3'"):
        check_worker.check_tflite(str(path))
