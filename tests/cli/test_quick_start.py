"""The quick start from the command line: what it leaves, and what can be done with it."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from mosaickd_tf.cli import distill, evaluate, export
from tests import tiny
from tests.cli import call

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = [
    "--image_size=8",
    "--patch_size=4",
    "--noise_dim=8",
    "--generator_filters=4",
    "--discriminator_filters=4",
    "--ood_crops_per_picture=32",
    "--teacher=wrn10_1",
    "--teacher_epochs=1",
    "--batch_size=4",
    "--rounds=2",
    "--student_steps_per_round=1",
    "--min_agreement=0.5",  # of two rounds: all classes are about equal still
    "--precision=float32",
]
QUICK_START = ["--flagfile=configs/quickstart.cfg", *TINY, "--workdir=run"]


@pytest.fixture(scope="module")
def quick_start(tmp_path_factory):
    """The quick start in small, in a folder of its own, and what it said."""
    folder = tmp_path_factory.mktemp("quick start")
    answer = subprocess.run(
        [sys.executable, "-m", "mosaickd_tf.cli.distill", *QUICK_START],
        cwd=folder,  # far from the source tree, as after an installation
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return folder, answer


@pytest.mark.slow
def test_the_quick_start_leaves_everything_that_was_promised(quick_start):
    folder, answer = quick_start
    assert (answer.returncode, answer.stderr) == (0, "")
    result = json.loads((folder / "run" / "result.json").read_text())
    for path in (
        "flags.cfg",
        "versions.json",
        "metrics.jsonl",
        "samples/ood.png",
        "samples/round_000002.png",
        "checkpoints/last/state.index",
        "checkpoints/best/progress.json",
        "teacher/teacher.keras",
        "baselines/kd/result.json",
        "export/student.keras",
        "export/serving.keras",
        "export/saved_model/saved_model.pb",
        "export/student_float32.tflite",
        "export/labels.txt",
        "result.json",
    ):
        assert (folder / "run" / path).is_file(), path
    assert not list((folder / "run").rglob("*.partial*"))
    assert result["rounds"] == 2
    lines = [line.split() for line in answer.stdout.splitlines()]
    for role, facts in (
        ("teacher", result["teacher"]),
        ("kd", result["baselines"][0]),
        ("mosaic", result["student"]),
    ):
        (line,) = [line for line in lines if line[:2] == [role, "wrn10_1"]]
        assert line[2:4] == [f"{facts['parameters']:,}", f"{facts['macs']:,}"]
        assert line[4] == f"{100 * facts['accuracy']:.2f}"
    assert answer.stdout.endswith("\nEverything is in run\nThe report is run/report.html\n")
    assert (folder / "run" / "report.html").is_file()


@pytest.mark.slow
def test_the_same_command_again_says_that_it_is_finished(quick_start, monkeypatch, capsys, caplog):
    folder, first = quick_start
    before = (folder / "run" / "result.json").read_text()
    monkeypatch.chdir(folder)
    with caplog.at_level("INFO", "mosaickd_tf"):
        assert call(distill, *QUICK_START) == 0
    assert "this run is finished" in caplog.text
    out, err = capsys.readouterr()
    assert out.strip() and out.strip() in first.stdout
    assert err == ""
    assert (folder / "run" / "result.json").read_text() == before


@pytest.mark.slow
def test_the_tflite_file_is_evaluated_to_the_same_accuracy(quick_start, monkeypatch, capsys):
    folder, _ = quick_start
    monkeypatch.chdir(folder)
    code = call(
        evaluate,
        "--model=run/export/student_float32.tflite",
        "--target_dataset=embedded:digits",
        "--teacher=run/teacher/teacher.keras",
        "--json=numbers.json",
    )
    assert (code, capsys.readouterr().err) == (0, "")
    numbers = json.loads((folder / "numbers.json").read_text())
    result = json.loads((folder / "run" / "result.json").read_text())
    assert numbers["images"] == 597
    assert numbers["accuracy"] == result["student"]["accuracy"]
    assert numbers["agreement"] == result["agreement"]


@pytest.mark.slow
def test_the_student_of_the_run_is_exported_elsewhere(quick_start, monkeypatch, capsys):
    folder, _ = quick_start
    monkeypatch.chdir(folder)
    words = ["--export_dir=logits", "--outputs=logits", "--exports=keras,tflite_float32"]
    assert call(export, "--workdir=run", *words) == 0
    assert capsys.readouterr().err == ""
    assert sorted(path.name for path in (folder / "logits").iterdir()) == [
        "labels.txt",
        "serving.keras",
        "student.keras",
        "student_float32.tflite",
    ]
    students = [
        keras.saving.load_model(folder / place / "student.keras")
        for place in ("run/export", "logits")
    ]
    assert tiny.same_bits(*map(tiny.values, students))
    served = keras.saving.load_model(folder / "logits" / "serving.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), "uint8")
    np.testing.assert_allclose(
        served(images, training=False), students[0](images / 255, training=False), atol=1e-5
    )
