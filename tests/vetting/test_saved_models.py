"""The operations of a SavedModel, read from its graph."""

import tracemalloc

import pytest
import tensorflow as tf
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


def test_a_graph_that_tensorflow_wrote_is_counted_as_its_own_parser_does(tmp_path):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4))])
        def serve(self, images):
            tf.print(images)
            return tf.nn.softmax(tf.reduce_mean(images, axis=1, keepdims=True) * images)

    tf.saved_model.save(Module(), tmp_path)
    saved = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    counted = operations(tmp_path)
    kinds = {node.op for node in nodes}
    assert counted.startswith(f"a graph of {len(nodes)} operations of {len(kinds)} kinds; with")
    assert "PrintV2" in counted


@pytest.mark.parametrize(
    "content, words",
    [
        (b"\x12\x05\x12", "cut off"),
        (b"\x12", "cut off"),
        (b"\x80" * 11, "a number of more than ten bytes"),
        (b"\x0b", "unknown type 3"),
        (b"\x09" + bytes(7), "cut off"),
        (b"\x08\x01" * 200, "more than 100 fields"),
    ],
)
def test_a_graph_that_is_broken_is_refused_for_a_reason(tmp_path, content, words, monkeypatch):
    monkeypatch.setattr(saved_models, "_MAX_FIELDS", 100)
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(RequestError, match=words):
        operations(tmp_path)


def test_names_of_operations_are_short_and_printable_in_a_message(tmp_path):
    write(tmp_path, *(f"Save\n{number}" + "x" * 1000 for number in range(100)))
    summary = operations(tmp_path)
    assert summary.isprintable() and len(summary) < 1200
    assert summary.endswith(", others")


def test_a_graph_of_many_empty_operations_takes_little_memory(tmp_path):
    empty = b"\x0a\x00" * 20_000
    graph = b"\x12" + varint(len(empty)) + empty
    (tmp_path / "saved_model.pb").write_bytes(b"\x12" + varint(len(graph)) + graph)
    tracemalloc.start()
    assert operations(tmp_path) == "a graph of 0 operations of 0 kinds"
    assert tracemalloc.get_traced_memory()[1] < 5 * len(graph)
    tracemalloc.stop()


def varint(number):
    """Encodes a number in groups of seven bits."""
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])
