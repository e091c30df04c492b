"""`bin/evaluate` in this process: the table, the file of numbers, wrong requests."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from mosaickd_tf.cli import evaluate
from tests.cli import call


@pytest.fixture
def request_(tmp_path):
    """A classifier by hand that calls everything dark, and two dark and one bright picture."""
    head = layers.Dense(2)
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D(), head])
    head.set_weights([np.zeros((3, 2)), np.array([0.0, 1.0])])
    model.save(tmp_path / "student.keras")
    for name, value in (("bright/0", 255), ("dark/0", 0), ("dark/1", 9)):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (value,) * 3).save(path)
    return {
        "model": tmp_path / "student.keras",
        "target_dataset": f"folder:{tmp_path / 'data'}",
    }


def flags(options):
    return [f"--{name}={value}" for name, value in options.items()]


def test_the_numbers_are_printed_and_written(tmp_path, capsys, request_):
    options = request_ | {"teacher": request_["model"], "json": tmp_path / "out" / "numbers.json"}
    assert call(evaluate, *flags(options)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    cells = [line.split() for line in out.splitlines()]
    assert [line[-2:] for line in cells] == [
        ["3", "images"],
        ["66.67", "%"],
        ["100.00", "%"],
        ["100.00", "%"],
        ["0.00", "%"],
        ["100.00", "%"],
    ]
    numbers = json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert numbers["accuracy"] == 2 / 3
    assert numbers["agreement"] == 1.0
    assert numbers["per_class"] == {"bright": 0.0, "dark": 1.0}


def test_a_teacher_of_larger_images_is_compared_on_those_of_the_model(tmp_path, capsys, request_):
    images = keras.Input((16, 16, 3))
    head = layers.Dense(2)
    teacher = keras.Model(images, head(layers.GlobalAveragePooling2D()(images)))
    head.set_weights([np.array([[1.0, 0.0]] * 3), np.array([0.0, 1.5])])  # knows bright images
    teacher.save(tmp_path / "teacher.keras")
    options = {"teacher": tmp_path / "teacher.keras", "json": tmp_path / "numbers.json"}
    assert call(evaluate, *flags(request_ | options | {"teacher_input": "unit"})) == 0
    assert "66.67 %" in capsys.readouterr().out
    assert json.loads((tmp_path / "numbers.json").read_text())["agreement"] == 2 / 3


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"model": ""}, "--model is needed"),
        ({"target_dataset": ""}, "--target_dataset is needed"),
        ({"model": "no/such.tflite"}, "no/such.tflite"),
        ({"model": "no/such.keras"}, "no/such.keras"),
        ({"teacher": "no/such.keras"}, "no/such.keras"),
        ({"teacher_input": "raw"}, "teacher_input"),
        ({"target_dataset": "embedded:digits"}, "10 classes"),
        ({"target_dataset": "embedded:photos"}, "labels"),
        ({"target_dataset": "digits"}, "embedded:digits"),
        ({"batch_size": 4}, "batch_size"),
    ],
    ids=str,
)
def test_a_wrong_request_is_one_line(tmp_path, capsys, request_, change, expected):
    options = request_ | {"json": tmp_path / "numbers.json"} | change
    assert call(evaluate, *flags(options)) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("bin/evaluate: ")
    assert expected in line
    assert out == ""
    assert not (tmp_path / "numbers.json").exists()
