"""The process that tries a .tflite file: the runtime sees what has the right structure only."""

import sys
import types

import pytest

from mosaickd_tf.vetting import child


def test_a_file_of_another_structure_never_reaches_the_runtime(tmp_path, monkeypatch):
    interpreter = types.SimpleNamespace(Interpreter=lambda **_: pytest.fail("it was opened"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", interpreter)
    path = tmp_path / "text.tflite"
    path.write_bytes(b"\0\0\0\0TEXT" + bytes(100))
    with pytest.raises(ValueError, match="instead of b'TFL3'"):
        child.try_tflite(str(path))
