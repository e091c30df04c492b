"""The examples do what they say, and give what Python gives."""

import pathlib
import shutil
import subprocess

import ai_edge_litert
import numpy as np
import pytest

from mosaickd_tf import evaluation, export
from tests.export import IMAGES, student

SOURCE = pathlib.Path(__file__).parents[1] / "examples" / "c" / "classify.c"
LIBRARY = pathlib.Path(ai_edge_litert.__file__).with_name("libLiteRt.so")
COMPILER = shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(not COMPILER, reason="no C compiler"),
    pytest.mark.skipif(not LIBRARY.is_file(), reason="ai-edge-litert has no libLiteRt.so here"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Compiles the program as in docs/mobile.md; writes two students and an image."""
    folder = tmp_path_factory.mktemp("c")
    words = "-std=c11 -O2 -Wall -Wextra -Werror".split()
    paths = [SOURCE, LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}", "-o", folder / "classify"]
    subprocess.run([COMPILER, *words, *paths], check=True)
    export.save_tflite(student(), folder / "float32.tflite")
    export.save_tflite_int8(student(), folder / "int8.tflite", calibration=IMAGES)
    (folder / "picture.ppm").write_bytes(b"P6\n8 8\n255\n" + IMAGES[0].tobytes())
    (folder / "labels.txt").write_text("a cat\ndog\nowl\nfox\nBär\n", encoding="utf-8")
    return folder


def run(folder, *words):
    command = [folder / "classify", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_c_program_gives_what_python_gives(folder, name):
    answer = run(folder, f"{name}.tflite", "picture.ppm", "labels.txt")
    assert answer.returncode == 0, answer.stderr
    rows = [line.split("\t") for line in answer.stdout.splitlines()]
    assert [label for label, _ in rows] == ["a cat", "dog", "owl", "fox", "Bär"]
    wanted = evaluation.open_model(folder / f"{name}.tflite").predict(IMAGES[:1])[0]
    np.testing.assert_allclose([float(value) for _, value in rows], wanted, atol=2e-6)


def test_a_picture_of_another_size_is_refused(folder):
    (folder / "gray.pgm").write_bytes(b"P5\n8 8\n255\n" + bytes(64))
    for name in ("gray.pgm", "nothing.ppm"):
        answer = run(folder, "int8.tflite", name)
        assert answer.returncode == 1
        assert name in answer.stderr.splitlines()[-1]


def test_words_that_are_missing_are_named(folder):
    answer = run(folder)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: classify MODEL.tflite")
