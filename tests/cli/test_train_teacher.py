"""`bin/train_teacher`: wrong requests in this process, a whole training in its own."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.cli import train_teacher
from tests.cli import call

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = [
    "--image_size=8",
    "--channels=1",
    "--teacher=wrn10_1",
    "--teacher_epochs=2",
    "--teacher_batch_size=8",
    "--validation_fraction=0.25",
    "--precision=float32",
]


@pytest.fixture
def data(tmp_path):
    """Dark and bright pictures in train/ and test/."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 16), ("test", 5)):
        for name, low in (("dark", 0), ("bright", 128)):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(low, low + 128, (8, 8), "uint8")
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return f"--target_dataset=folder:{tmp_path / 'data'}"


@pytest.mark.slow
def test_a_teacher_is_trained_and_a_second_call_takes_it_up(tmp_path, data, monkeypatch, capsys):
    words = [*TINY, data, "--workdir=run"]
    first = subprocess.run(
        [sys.executable, "-m", "mosaickd_tf.cli.train_teacher", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (first.returncode, first.stderr) == (0, "")
    facts = json.loads((tmp_path / "run" / "teacher.json").read_text())
    assert facts["label_names"] == ["bright", "dark"]
    assert facts["input_shape"] == [8, 8, 1]
    assert facts["epochs"] == 2
    assert first.stdout.splitlines()[-3:] == [
        f"validation accuracy: {100 * facts['validation_accuracy']:.2f} %",
        f"test accuracy: {100 * facts['test_accuracy']:.2f} %",
        "The teacher is run/teacher.keras",
    ]
    assert "  epoch 2  " in first.stdout
    assert "--teacher_epochs=2\n" in (tmp_path / "run" / "flags.cfg").read_text()
    before = (tmp_path / "run" / "teacher.keras").stat().st_mtime_ns
    teacher = keras.saving.load_model(tmp_path / "run" / "teacher.keras")
    assert (teacher.input_shape, teacher.output_shape) == ((None, 8, 8, 1), (None, 2))
    monkeypatch.chdir(tmp_path)
    assert call(train_teacher, *words) == 0
    assert "epoch" not in capsys.readouterr().out
    assert (tmp_path / "run" / "teacher.keras").stat().st_mtime_ns == before


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path, capsys, data):
    workdir = tmp_path / "run"
    assert call(train_teacher, *TINY, data, f"--workdir={workdir}", "--dry_run") == 0
    assert capsys.readouterr().out == "wrn10_1 on 24 images\n"
    assert call(train_teacher, *TINY, data, "--dry_run") == 0
    assert not workdir.exists()


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--workdir="], "--workdir is needed"),
        (["--teacher="], "--teacher is needed"),
        (["--target_dataset="], "--target_dataset is needed"),
        (["--teacher=resnet19"], "Unknown network"),
        (["--teacher=teacher.keras"], "Unknown network"),
        (["--teacher_epochs=0"], "teacher_epochs"),
        (["--target_dataset=folder:{}/data/train"], "training split"),
        (["--target_dataset=folder:{}/data/train/dark"], "labels"),
        (["--target_dataset=embedded:photos"], "labels"),
        (["--student=wrn16_1"], "student"),
    ],
    ids=str,
)
def test_a_wrong_request_is_one_line_and_makes_no_folder(tmp_path, capsys, data, words, expected):
    words = [word.replace("{}", str(tmp_path)) for word in words]
    assert call(train_teacher, *TINY, data, f"--workdir={tmp_path / 'run'}", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bin/train_teacher: ")
    assert expected in line
    assert not (tmp_path / "run").exists()
