"""Metadata of a .tflite file, read back field by field by the schema."""

import zipfile

import flatbuffers.table
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mosaickd_tf import evaluation, export
from mosaickd_tf.export import metadata
from tests.export import IMAGES, student

DESCRIPTION = metadata.Description(
    name="wrn10_1",
    outputs="probabilities",
    image_shape=(8, 12, 3),
    num_classes=5,
    label_names=("cat", "dog", "owl", "fox", "Bär"),
    author="Ä. Uthor",
    license="Apache-2.0",
)


class Table:
    """Reads a flatbuffer by the numbers of its fields, without any knowledge of a schema."""

    def __init__(self, buffer, place):
        self._table = flatbuffers.table.Table(buffer, place)

    @classmethod
    def root(cls, content):
        buffer = bytearray(content)
        return cls(buffer, int.from_bytes(buffer[:4], "little"))

    def _place(self, slot):
        offset = self._table.Offset(4 + 2 * slot)
        return offset + self._table.Pos if offset else None

    def has(self, slot):
        return self._place(slot) is not None

    def text(self, slot):
        return self._table.String(self._place(slot)).decode()

    def number(self, slot, kind):
        start = self._place(slot)
        size = np.dtype(kind).itemsize
        return int(np.frombuffer(self._table.Bytes[start : start + size], kind)[0])

    def table(self, slot):
        return Table(self._table.Bytes, self._table.Indirect(self._place(slot)))

    def _vector(self, slot):
        offset = self._place(slot) - self._table.Pos
        return self._table.Vector(offset), self._table.VectorLen(offset)

    def tables(self, slot):
        start, length = self._vector(slot)
        places = [self._table.Indirect(start + 4 * i) for i in range(length)]
        return [Table(self._table.Bytes, place) for place in places]

    def floats(self, slot):
        start, length = self._vector(slot)
        return np.frombuffer(self._table.Bytes[start : start + 4 * length], "<f4").tolist()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Writes a file without and with metadata."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("plain.tflite", "described.tflite"):
        export.save_tflite(student(), folder / name)
    metadata.describe(folder / "described.tflite", DESCRIPTION)
    return folder


@pytest.fixture(scope="module")
def root(files):
    """Returns the metadata in the file."""
    content = (files / "described.tflite").read_bytes()
    assert content[4:8] == b"TFL3"
    model = schema.Model.GetRootAs(content, 0)
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    (entry,) = [entry for entry in entries if entry.Name() == b"TFLITE_METADATA"]
    written = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    assert written[4:8] == b"M001"
    return Table.root(written)


def test_name_author_licence_and_the_version_of_a_parser(root):
    assert root.text(0) == "wrn10_1"
    assert "5 classes" in root.text(1)
    assert root.text(4) == "Ä. Uthor"
    assert root.text(5) == "Apache-2.0"
    assert root.text(7) == "1.0.0"


def test_the_input_is_a_color_image_of_bytes_as_they_are(root):
    (graph,) = root.tables(3)
    (images,) = graph.tables(2)
    assert images.text(0) == "images"
    content = images.table(3)
    assert content.number(0, "u1") == 2  # ImageProperties
    properties = content.table(1)
    assert properties.number(0, "i1") == 1  # RGB
    size = properties.table(1)
    assert (size.number(0, "<u4"), size.number(1, "<u4")) == (12, 8)  # width, height
    (unit,) = images.tables(4)
    assert unit.number(0, "u1") == 1  # NormalizationOptions
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ([0.0], [1.0])
    assert (images.table(5).floats(0), images.table(5).floats(1)) == ([255.0], [0.0])


def test_the_output_is_named_by_the_file_of_labels(root):
    (graph,) = root.tables(3)
    (output,) = graph.tables(3)
    assert output.text(0) == "probabilities"
    assert output.table(3).number(0, "u1") == 1  # FeatureProperties
    (labels,) = output.tables(6)
    assert labels.text(0) == "labels.txt"
    assert labels.number(2, "i1") == 2  # TENSOR_AXIS_LABELS


def test_the_labels_are_a_zip_behind_the_model(files):
    with zipfile.ZipFile(files / "described.tflite") as archive:
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode().splitlines() == list(DESCRIPTION.label_names)


def test_a_described_file_gives_what_it_gave(files):
    plain, described = (
        evaluation.open_model(files / f"{name}.tflite").predict(IMAGES)
        for name in ("plain", "described")
    )
    np.testing.assert_array_equal(plain, described)


def test_what_is_not_known_is_not_said():
    bare = metadata.Description(name="a", outputs="logits", image_shape=(8, 8, 1), num_classes=2)
    root = Table.root(metadata.encoded(bare))
    assert not root.has(4) and not root.has(5)
    (graph,) = root.tables(3)
    assert not graph.tables(3)[0].has(6)
    assert graph.tables(2)[0].table(3).table(1).number(0, "i1") == 2  # GRAYSCALE
