"""The operations of a SavedModel, read from its graph."""

import pytest
from tensorflow.core.protobuf import saved_model_pb2

from mosaickd_tf.errors import RequestError
from mosaickd_tf.vetting import is_saved_model, operations, saved_models


def write(folder, *kinds, within=()):
    saved = saved_model_pb2.SavedModel()
    graph = saved.meta_graphs.add().graph_def
    for kind in kinds:
        graph.node.add().op = kind
    for kind in within:
        graph.library.function.add().node_def.add().op = kind
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


def test_operations_are_counted_and_those_with_side_effects_named(tmp_path):
    write(tmp_path, "Add", "Add", "Conv2D", within=["WriteFile", "PyFunc"])
    assert operations(tmp_path) == (
        "a graph of 5 operations of 4 kinds; with side effects: PyFunc, WriteFile"
    )


def test_a_graph_of_arithmetic_has_no_side_effects(tmp_path):
    write(tmp_path, "Add", "MatMul")
    assert operations(tmp_path) == "a graph of 2 operations of 2 kinds"


def test_a_saved_model_is_recognized_by_its_graph(tmp_path):
    assert not is_saved_model(tmp_path) and not is_saved_model(tmp_path / "nowhere")
    write(tmp_path)
    assert is_saved_model(tmp_path) and is_saved_model(str(tmp_path))


def test_a_graph_that_cannot_be_read_or_is_too_large_is_refused(tmp_path, monkeypatch):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 50)
    with pytest.raises(RequestError, match="Not a readable model") as caught:
        operations(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    write(tmp_path, "Add")
    monkeypatch.setattr(saved_models, "_MAX_SIZE", 3)
    with pytest.raises(RequestError, match="more than 3 bytes"):
        operations(tmp_path)
