"""`bin/export` in this process: from a file, from a run, wrong requests."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from mosaickd_tf import export as library
from mosaickd_tf import models
from mosaickd_tf.cli import export
from mosaickd_tf.export.formats import FORMATS
from tests.cli import call
from tests.export import student


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes a student's file, a run that has one too, and an image."""
    folder = tmp_path_factory.mktemp("written")
    library.save_student(student(), folder / "mine.keras")
    library.save_student(student(seed=1), folder / "run" / "export" / "student.keras")
    (folder / "pictures").mkdir()
    Image.new("RGB", (8, 8), (200, 100, 0)).save(folder / "pictures" / "0.png")
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """Copies it for one test."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(folder, *words):
    return call(export, "--exports=keras", f"--images=folder:{folder / 'pictures'}", *words)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def bias(path):
    return keras.saving.load_model(path).get_layer("logits").bias.numpy()


def test_a_student_from_a_file_goes_to_the_folder_that_is_named(capsys, folder):
    assert run(folder, f"--student={folder / 'mine.keras'}", f"--export_dir={folder / 'out'}") == 0
    assert files(folder / "out") == ["serving.keras", "student.keras"]
    wanted = student().get_layer("logits").bias.numpy()
    np.testing.assert_array_equal(bias(folder / "out" / "student.keras"), wanted)
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[:3]] == [
        "file",
        "student.keras",
        "serving.keras",
    ]
    assert str(folder / "out") in out
    assert err == ""


def test_the_student_of_a_run_is_exported_again_in_its_place(folder):
    assert run(folder, f"--workdir={folder / 'run'}", "--outputs=logits") == 0
    assert files(folder / "run" / "export") == ["serving.keras", "student.keras"]
    wanted = student(seed=1).get_layer("logits").bias.numpy()
    np.testing.assert_array_equal(bias(folder / "run" / "export" / "student.keras"), wanted)
    served = keras.saving.load_model(folder / "run" / "export" / "serving.keras")
    assert served.layers[-1].name == "logits"


def test_the_student_of_a_run_can_go_elsewhere(folder):
    assert run(folder, f"--workdir={folder / 'run'}", f"--export_dir={folder / 'out'}") == 0
    assert files(folder / "out") == ["serving.keras", "student.keras"]
    assert files(folder / "run" / "export") == ["student.keras"]


def test_a_file_of_integers_is_calibrated_with_the_generator_of_the_run(capsys, folder):
    generator = models.build_generator(image_size=8, channels=3, noise_dim=6, base_filters=4)
    library.save_generator(generator, folder / "run")
    words = ["--exports=tflite_int8", "--calibration_images=8", "--min_agreement=0"]
    assert run(folder, f"--workdir={folder / 'run'}", *words, "--calibration=synthetic") == 0
    assert files(folder / "run" / "export") == ["student.keras", "student_int8.tflite"]
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("student_int8.tflite")
    assert out[2] == "compared with the student on 501 images: synthetic and OOD"
    assert out[3] == "quantization calibrated with 8 synthetic images"


def test_a_file_that_agrees_too_little_is_not_put_in_place(capsys, folder, monkeypatch):
    before = (folder / "run" / "export" / "student.keras").read_bytes()
    row = dataclasses.replace(FORMATS["keras"], exact=False, write=other_student)
    monkeypatch.setitem(FORMATS, "keras", row)
    assert run(folder, f"--workdir={folder / 'run'}", "--min_agreement=1") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "an agreement of at least 1. Received: 0" in line
    assert files(folder / "run" / "export") == ["student.keras"]
    assert (folder / "run" / "export" / "student.keras").read_bytes() == before


def other_student(inputs, path):
    """Writes a model that never predicts the class that the student predicts."""
    images = np.array([[[[200, 100, 0]] * 8] * 8], "uint8")
    named = int(np.argmax(inputs.student(images / np.float32(255), training=False)))
    student = keras.models.clone_model(inputs.student)
    student.set_weights(inputs.student.get_weights())
    student.get_layer("logits").bias.assign_add(-1e3 * np.eye(5)[named])
    library.save_serving(student, path)


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], "--student or --workdir is needed"),
        (["--student={}/mine.keras"], "--export_dir is needed"),
        (["--workdir={}/no run"], "of a finished run"),
        (["--student={}/no.keras", "--export_dir={}/out"], "No such file"),
        (["--student={}/pictures/0.png", "--export_dir={}/out"], "a PNG image"),
        (["--workdir={}/run", "--export_dir={}/out", "--exports=onnx"], "exports"),
        (["--workdir={}/run", "--export_dir={}/out", "--images=folder:{}/no"], "No such folder"),
        (["--workdir={}/run", "--export_dir={}/out", "--labels={}/no.txt"], "--labels"),
        (
            ["--student={}/mine.keras", "--export_dir={}/out", "--exports=tflite_pruned"],
            "continues the distillation",
        ),
        (["--workdir={}/run", "--exports=tflite_qat_int8"], "of a finished run"),
        (["--workdir={}/run", "--combine=clustered_int8"], "is not supported"),
        (["--workdir={}/run", "--exports=tflite_int8", "--calibration=synthetic"], "a generator"),
        (["--workdir={}/run", "--exports=tflite_int8", "--calibration=mixed"], "a generator"),
        (["--workdir={}/run", "--exports=tflite_int8", "--calibration=test"], "--calibration"),
        (["--workdir={}/run", "--export_dir={}/mine.keras"], "writable folder"),
    ],
    ids=str,
)
def test_a_wrong_request_is_one_line_and_writes_nothing(capsys, folder, words, expected):
    assert run(folder, *(word.replace("{}", str(folder)) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bin/export: ")
    assert expected in line
    assert files(folder) == ["mine.keras", "pictures", "run"]
    assert files(folder / "run" / "export") == ["student.keras"]
