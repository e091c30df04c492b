"""The structure of .tflite files: valid ones, and ones with a single change."""

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from mosaickd_tf import export
from mosaickd_tf.errors import RequestError
from mosaickd_tf.vetting import examine_tflite, tflite_files
from mosaickd_tf.vetting.tflite_files import check_structure
from tests import tiny


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "student.tflite"
    export.save_tflite(tiny.classifier(), path)
    return path.read_bytes()


def changed(content, change):
    """Returns the file after `change` of its model, an object of the schema."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    change(model)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=tflite_files.IDENTIFIER)
    return bytes(builder.Output())


def test_a_valid_file_passes_with_and_without_metadata(content, tmp_path):
    check_structure(content)
    check_structure(content + b"appended")
    check_structure(changed(content, lambda model: None))
    (tmp_path / "model.tflite").write_bytes(content)
    examine_tflite(tmp_path / "model.tflite")


def code(name):
    def change(model):
        number = getattr(schema.BuiltinOperator, name)
        model.operatorCodes[0].builtinCode = number
        model.operatorCodes[0].deprecatedBuiltinCode = min(number, 127)

    return change


def attribute(where, name, value):
    def change(model):
        graph = model.subgraphs[0]
        target = {"tensor": graph.tensors, "operator": graph.operators, "model": [model]}[where][0]
        setattr(target, name, value)

    return change


@pytest.mark.parametrize(
    "change, words",
    [
        (code("CUSTOM"), "the operation CUSTOM"),
        (code("WHILE"), "the operation WHILE"),
        (code("CALL_ONCE"), "the operation CALL_ONCE"),
        (code("STABLEHLO_CUSTOM_CALL"), "the operation STABLEHLO_CUSTOM_CALL"),
        (attribute("operator", "opcodeIndex", 500), "not in its list"),
        (attribute("operator", "inputs", [0, 5000]), "a missing tensor"),
        (attribute("operator", "outputs", [-2]), "a missing tensor"),
        (attribute("tensor", "buffer", 5000), "without its weights"),
        (attribute("tensor", "shape", [1, 2**20, 2**20]), "elements"),
        (attribute("tensor", "shape", [1, -5]), "elements"),
        (attribute("model", "subgraphs", []), "no graph"),
    ],
)
def test_a_single_fault_is_named(content, change, words):
    with pytest.raises(ValueError, match=words):
        check_structure(changed(content, change))


def test_too_many_items_are_refused(content, monkeypatch):
    monkeypatch.setattr(tflite_files, "_MAX_COUNT", 3)
    with pytest.raises(ValueError, match="more than 3"):
        check_structure(content)


@pytest.mark.parametrize("length", [0, 4, 8, 9, 100, 5000])
def test_a_truncated_file_is_refused(content, length):
    with pytest.raises(ValueError):
        check_structure(content[:length])


def test_the_fault_is_in_the_error(content, tmp_path):
    path = tmp_path / "custom.tflite"
    path.write_bytes(changed(content, code("CUSTOM")))
    with pytest.raises(RequestError, match="the operation CUSTOM.*Get the file again") as caught:
        examine_tflite(path)
    assert repr(str(path)) in str(caught.value)
