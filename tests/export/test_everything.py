"""All formats into one folder, from a model and from a file."""

import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

from mosaickd_tf import export
from mosaickd_tf.config import ExportConfig, ExportSourceConfig
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import checking, everything
from mosaickd_tf.models import fast_copy
from tests.export import IMAGES, LABELS, logits, student

LABEL_NAMES = ("cat", "dog", "owl", "fox", "Bär")
KEYS = {
    "path",
    "format",
    "bytes",
    "accuracy",
    "agreement_with_student",
    "max_abs_difference",
    "latency_ms",
    "threads",
}
KERAS_ONLY = ExportConfig(exports=("keras",))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def all_formats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    fast = fast_copy(student(), "mixed_bfloat16")
    entries = export.export_student(
        fast, folder, ExportConfig(), IMAGES, labels=LABELS, label_names=LABEL_NAMES
    )
    return folder, entries


def test_every_format_is_written_by_default(all_formats):
    folder, _ = all_formats
    assert names(folder) == [
        "labels.txt",
        "saved_model",
        "serving.keras",
        "student.keras",
        "student_float32.tflite",
    ]


def test_every_file_has_an_entry_with_its_numbers(all_formats):
    folder, entries = all_formats
    assert [(entry["format"], entry["path"]) for entry in entries] == [
        ("keras", "student.keras"),
        ("keras", "serving.keras"),
        ("saved_model", "saved_model"),
        ("tflite_float32", "student_float32.tflite"),
    ]
    right = np.mean(logits(student()).argmax(-1) == LABELS)
    for entry in entries:
        assert set(entry) == KEYS
        assert entry["accuracy"] == right
        assert entry["agreement_with_student"] == 1.0
        assert entry["max_abs_difference"] <= 1e-4
        assert entry["bytes"] > 1000


def test_labels_are_a_line_each(all_formats):
    folder, _ = all_formats
    assert (folder / "labels.txt").read_text(encoding="utf-8").splitlines() == list(LABEL_NAMES)


def test_only_what_was_asked_for_is_written(tmp_path):
    entries = export.export_student(student(), tmp_path / "out", KERAS_ONLY, IMAGES)
    assert names(tmp_path / "out") == ["serving.keras", "student.keras"]
    assert [entry["accuracy"] for entry in entries] == [None, None]


def test_logits_leave_when_logits_were_asked_for(tmp_path):
    config = ExportConfig(exports=("keras",), outputs="logits")
    entries = export.export_student(student(), tmp_path, config, IMAGES)
    assert entries[1]["max_abs_difference"] <= 1e-4
    served = keras.saving.load_model(tmp_path / "serving.keras")(IMAGES, training=False)
    np.testing.assert_allclose(served, logits(student()), atol=1e-5)


def test_a_writer_that_writes_another_student_is_found_out(tmp_path, monkeypatch):
    def tampered(_, path, outputs):
        everything.writers.save_serving(student(seed=1), path, outputs)

    monkeypatch.setitem(everything._SERVING, "keras", ("serving.keras", tampered))
    with pytest.raises(RunError, match="does not match the student"):
        export.export_student(student(), tmp_path, KERAS_ONLY, IMAGES)


# From a file


@pytest.fixture
def source(tmp_path):
    """A student's file and a folder of real images."""
    student().save(tmp_path / "given.keras")
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        picture = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8"))
        picture.save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


def export_given(folder, **options):
    options = {"images": f"folder:{folder / 'pictures'}"} | options
    return export.export_file(
        folder / "given.keras", folder / "out", ExportSourceConfig(**options), KERAS_ONLY
    )


def test_a_student_from_a_file_is_exported_and_compared_on_real_images(source, monkeypatch):
    seen = []
    check = checking.check
    monkeypatch.setattr(everything, "check", lambda *args: seen.append(args[2]) or check(*args))
    (source / "labels").write_text("\n".join(LABEL_NAMES) + "\n\n", encoding="utf-8")
    entries = export_given(source, labels=str(source / "labels"))
    assert [entry["path"] for entry in entries] == ["student.keras", "serving.keras"]
    assert names(source / "out") == ["labels.txt", "serving.keras", "student.keras"]
    assert {images.shape for images in seen} == {(3, 8, 8, 3)}
    loaded = keras.saving.load_model(source / "out" / "student.keras")
    np.testing.assert_allclose(logits(loaded), logits(student()), atol=1e-6)


def test_the_photos_give_a_thousand_crops(source, monkeypatch):
    seen = []
    monkeypatch.setattr(everything, "check", lambda *args: seen.append(args[2]) or {})
    export_given(source, images="embedded:photos")
    assert seen[0].shape == (1000, 8, 8, 3)


def refusal(source, **options):
    with pytest.raises(RequestError) as caught:
        export_given(source, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert not (source / "out").exists()
    return str(caught.value)


def test_a_serving_model_is_not_a_student(source):
    export.save_serving(student(), source / "given.keras")
    assert "unit images" in refusal(source)


def test_a_student_of_images_that_are_not_square_is_refused(source):
    inputs = keras.Input((8, 12, 3))
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(source / "given.keras")
    assert "(8, 12, 3)" in refusal(source)


@pytest.mark.parametrize(
    "lines, expected", [(["a", "b"], "Expected 5, one a class"), (None, "No such file")]
)
def test_labels_that_do_not_name_every_class_are_refused(source, lines, expected):
    path = pathlib.Path(source / "labels.txt")
    if lines:
        path.write_text("\n".join(lines))
    assert expected in refusal(source, labels=str(path))


def test_images_that_are_not_there_are_refused(source):
    assert "No such folder" in refusal(source, images=f"folder:{source / 'nowhere'}")
