"""Labels that are independent, from the command line: trained, distilled, exported, evaluated."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from mosaickd_tf.cli import distill, evaluate, export, report, synthesize, train_teacher
from tests import multi_label_data
from tests.cli import call

pytestmark = pytest.mark.slow
COMMON = ["--task=multi_label", "--image_size=16", "--precision=float32"]
FORMATS = ("keras", "saved_model", "tflite_float32", "tflite_float16", "tflite_int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained teacher in `teacher/` and a finished distillation in `run/`."""
    folder = tmp_path_factory.mktemp("multi label")
    multi_label_data.write(folder / "data")
    data = f"--target_dataset=folder:{folder / 'data'}"
    teacher = ["--teacher=wrn10_1", "--teacher_epochs=12", "--teacher_batch_size=32"]
    words = [*COMMON, data, *teacher, "--teacher_augmentation=none"]
    assert call(train_teacher, *words, f"--workdir={folder / 'teacher'}") == 0
    words = [
        *COMMON,
        data,
        f"--teacher={folder / 'teacher' / 'teacher.keras'}",
        "--student=wrn10_1",
        "--ood_dataset=embedded:photos",
        "--ood_fit=crops",
        "--ood_crops_per_picture=64",
        "--ood_largest_crop=64",
        "--patch_size=6",
        "--generator_filters=16",
        "--discriminator_filters=16",
        "--rounds=60",
        "--batch_size=64",
        "--compare_with=",
        f"--exports={','.join(FORMATS)}",
    ]
    assert call(distill, *words, f"--workdir={folder / 'run'}") == 0
    return folder


def result(folder):
    """Returns the content of the run's `result.json`."""
    return json.loads((folder / "run" / "result.json").read_text())


def test_the_teacher_learns_labels_that_are_independent(folder):
    facts = json.loads((folder / "teacher" / "teacher.json").read_text())
    assert facts["label_names"] == list(multi_label_data.LABELS)
    assert facts["test_accuracy"] > 0.95  # of decisions; 0.6 without any knowledge


def test_the_student_learns_the_labels_without_the_teachers_data(folder):
    found = result(folder)
    assert found["task"] == "multi_label"
    lines = (folder / "data" / "test" / "labels.csv").read_text().split()[1:]
    shown = np.array([[label in line for label in multi_label_data.LABELS] for line in lines])
    rate = shown.mean(axis=0)  # a student that knows nothing has these
    assert found["student"]["accuracy"] > np.maximum(rate, 1 - rate).mean() + 0.1
    assert found["student"]["mean_average_precision"] > rate.mean() + 0.3
    assert found["student"]["top5_accuracy"] is None


def test_every_export_predicts_as_the_student(folder, tmp_path, capsys):
    data = f"--target_dataset=folder:{folder / 'data'}"
    made = folder / "run" / "export"
    files = ["student.keras", *(path.name for path in made.glob("*.tflite"))]
    assert len(files) == len(FORMATS) - 1  # a SavedModel is no file that `bin/evaluate` opens
    for name in files:
        words = [*COMMON[:1], data, f"--model={made / name}", f"--json={tmp_path / 'm.json'}"]
        assert call(evaluate, *words) == 0, capsys.readouterr().err
        measured = json.loads((tmp_path / "m.json").read_text())
        for metric in ("accuracy", "mean_average_precision"):
            expected = result(folder)["student"][metric]
            assert measured[metric] == pytest.approx(expected, abs=0.03), name


def test_files_for_servers_and_phones_return_a_probability_for_each_label(folder):
    made = folder / "run" / "export"
    assert (made / "labels.txt").read_text().split() == list(multi_label_data.LABELS)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), "uint8")
    logits = keras.saving.load_model(made / "student.keras")(images / np.float32(255))
    expected = 1 / (1 + np.exp(-np.asarray(logits, "float64")))
    saved = tf.saved_model.load(str(made / "saved_model"))
    (served,) = saved.signatures["serving_default"](tf.constant(images)).values()
    np.testing.assert_allclose(served, expected, atol=1e-4)
    interpreter = Interpreter(model_path=str(made / "student_float32.tflite"))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    for image, row in zip(images, expected, strict=True):
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        np.testing.assert_allclose(interpreter.get_tensor(target["index"])[0], row, atol=1e-4)


def test_the_finished_run_is_exported_reported_and_synthesized_from(folder, tmp_path, capsys):
    run = f"--workdir={folder / 'run'}"
    words = ["--outputs=logits", "--exports=tflite_float32", f"--export_dir={tmp_path / 'out'}"]
    assert call(export, run, *words) == 0, capsys.readouterr().err
    assert (tmp_path / "out" / "student_float32.tflite").is_file()
    assert call(report, run) == 0
    assert "mean average precision" in (folder / "run" / "report.html").read_text().lower()
    images = tmp_path / "images"
    assert call(synthesize, run, f"--output_dir={images}", "--count=40") == 0
    rows = [json.loads(line) for line in (images / "logits.jsonl").read_text().splitlines()]
    assert len(rows) == 40
    for row in rows:
        assert row["labels"] == [number for number, logit in enumerate(row["logits"]) if logit > 0]


def test_a_class_is_one_of_the_labels_where_they_are_independent(tmp_path, capsys):
    """Of ten labels none is predicted, and each image has one: nine decisions of ten are right."""
    images = keras.Input((8, 8, 1))
    none = keras.layers.Dense(
        10, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-1.0)
    )
    keras.Model(images, none(keras.layers.Flatten()(images))).save(tmp_path / "none.keras")
    words = [f"--model={tmp_path / 'none.keras'}", f"--json={tmp_path / 'numbers.json'}"]
    target = "--target_dataset=embedded:digits"
    code = call(evaluate, "--task=multi_label", target, "--model_input=unit", *words)
    assert code == 0, capsys.readouterr().err
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["accuracy"] == pytest.approx(0.9)
