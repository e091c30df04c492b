"""All formats in one folder, completely or not at all."""

import dataclasses
import gzip
import zipfile

import keras
import numpy as np
import pytest

from mosaickd_tf import export
from mosaickd_tf.config import ExportConfig
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import exporter
from mosaickd_tf.models import training_copy
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
    "latency_ms_all_threads",
    "gzip_bytes",
    "macs",
    "calibration",
    "compared_on",
}
KERAS_ONLY = ExportConfig(exports=("keras",))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def all_formats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    fast = training_copy(student(), "mixed_bfloat16")
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
    def tampered(inputs, path):
        exporter.writers.save_serving(student(seed=1), path, inputs.outputs)

    tampered = dataclasses.replace(exporter.FORMATS["keras"], write=tampered)
    monkeypatch.setitem(exporter.FORMATS, "keras", tampered)
    with pytest.raises(RunError, match="does not match the student"):
        export.export_student(student(), tmp_path, KERAS_ONLY, IMAGES)


# Fewer bits

BITS = ExportConfig(exports=("tflite_float32", "tflite_int8"), author="A. Uthor", license="MIT")
CALIBRATION = export.Calibration(images=IMAGES, counts={"synthetic": 4, "ood": 2})


def test_a_file_of_integers_says_what_it_was_calibrated_with_and_what_it_is(tmp_path):
    float32, int8 = export.export_student(
        student(), tmp_path, BITS, IMAGES, label_names=LABEL_NAMES, calibration=CALIBRATION
    )
    assert float32["calibration"] is None
    assert int8["calibration"] == {"synthetic": 4, "ood": 2}
    for entry in (float32, int8):
        content = (tmp_path / entry["path"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["gzip_bytes"] == len(gzip.compress(content))
    assert int8["macs"] == 3 * 3 * 3 * 3 * 3 * 6 + 6 * 5
    assert int8["compared_on"] == "6 images"
    for file in ("student_float32.tflite", "student_int8.tflite"):
        labels = zipfile.ZipFile(tmp_path / file).read("labels.txt").decode().splitlines()
        assert labels == list(LABEL_NAMES)
        assert b"A. Uthor" in (tmp_path / file).read_bytes()


def test_a_file_that_agrees_too_little_leaves_what_was_there(tmp_path, monkeypatch):
    def other(inputs, path):
        exporter.writers.save_serving(student(seed=1), path, inputs.outputs)

    row = dataclasses.replace(exporter.FORMATS["keras"], write=other, exact=False)
    monkeypatch.setitem(exporter.FORMATS, "keras", row)
    (tmp_path / "serving.keras").write_text("good")
    (tmp_path / "notes.txt").write_text("mine")
    agreement = np.mean(logits(student()).argmax(-1) == logits(student(seed=1)).argmax(-1))
    assert agreement < 0.9
    with pytest.raises(RunError, match=f"at least 0.9. Received: {agreement:g}"):
        export.export_student(student(), tmp_path, KERAS_ONLY, IMAGES)
    assert names(tmp_path) == ["notes.txt", "serving.keras"]
    assert (tmp_path / "serving.keras").read_text() == "good"
    lenient = dataclasses.replace(KERAS_ONLY, min_agreement=0.0)
    entries = export.export_student(student(), tmp_path, lenient, IMAGES)
    assert entries[1]["agreement_with_student"] == agreement
    assert names(tmp_path) == ["notes.txt", "serving.keras", "student.keras"]


def test_integers_without_images_to_calibrate_with_are_refused(tmp_path):
    with pytest.raises(RequestError, match="tflite_int8 needs images"):
        export.export_student(student(), tmp_path / "out", BITS, IMAGES)
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_a_wrong_request(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="writable folder. Received: .*file"):
        export.export_student(student(), tmp_path / "file", KERAS_ONLY, IMAGES)
