"""Evaluation of a model file: the metrics are those of the test split."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from mosaickd_tf.config import EvaluationConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.evaluation.model_file import evaluate_file
from mosaickd_tf.teachers import load_teacher_file

# Gray values of the test images by class; the model below classifies above 100 as bright.
TEST = {"bright": [200, 210, 50], "dark": [10, 20, 30, 250]}


def brightness(path, num_classes=2, shape=(8, 8, 1), threshold=100):
    """Saves a classifier that returns bright for a mean above the threshold, else dark."""
    inputs = keras.Input(shape)
    head = layers.Dense(num_classes)
    outputs = head(layers.GlobalAveragePooling2D()(inputs))
    kernel = np.zeros((shape[-1], num_classes))
    kernel[0, 0] = 1.0
    bias = np.full(num_classes, -1000.0)
    bias[:2] = 0.0, threshold / 255
    model = keras.Model(inputs, outputs)
    head.set_weights([kernel, bias])
    model.save(path)
    return str(path)


@pytest.fixture
def data(tmp_path):
    """Writes images into train/ and test/; those of train/ all have the wrong label."""
    for part, classes in (("test", TEST), ("train", {"bright": [0], "dark": [255]})):
        for name, values in classes.items():
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for number, value in enumerate(values):
                Image.new("L", (9, 10), value).save(folder / f"{number}.png")
    return f"folder:{tmp_path / 'data'}"


def test_the_metrics_of_the_test_split_by_hand(tmp_path, data):
    model = brightness(tmp_path / "student.keras")
    numbers = evaluate_file(EvaluationConfig(model=model, target_dataset=data))
    assert numbers == {
        "model": model,
        "images": 7,
        "broken_images": [],
        "accuracy": 5 / 7,
        "top5_accuracy": 1.0,
        "agreement": None,
        "per_class": {"bright": 2 / 3, "dark": 3 / 4},
    }


def test_agreement_is_with_the_teacher_not_with_the_labels(tmp_path, data):
    """Compares with a threshold of 25, which differs on 30 and 50 of the seven images."""
    model = brightness(tmp_path / "student.keras")
    teacher = brightness(tmp_path / "teacher.keras", threshold=25)
    config = EvaluationConfig(model=model, teacher=teacher, target_dataset=data)
    assert evaluate_file(config, load_teacher_file(teacher, "unit"))["agreement"] == 5 / 7


def test_a_teacher_of_bytes_agrees_with_the_same_model_of_unit_images(tmp_path, data):
    """Compares with a threshold in bytes for images in bytes, which is the same classifier."""
    model = brightness(tmp_path / "student.keras")
    teacher = brightness(tmp_path / "teacher.keras", threshold=100 * 255)
    config = EvaluationConfig(model=model, teacher=teacher, target_dataset=data)
    assert evaluate_file(config, load_teacher_file(teacher, "bytes"))["agreement"] == 1.0


@pytest.fixture
def refusal(tmp_path, data):
    def refused(teacher=None, **options):
        options = {"model": str(tmp_path / "student.keras"), "target_dataset": data} | options
        loaded = load_teacher_file(teacher, "unit") if teacher else None
        with pytest.raises(RequestError) as caught:
            evaluate_file(EvaluationConfig(teacher=teacher or "", **options), loaded)
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    return refused


def test_a_model_of_other_classes_is_refused(tmp_path, refusal):
    brightness(tmp_path / "student.keras", num_classes=3)
    message = refusal()
    assert "2 classes" in message and "3 classes in" in message


@pytest.mark.parametrize("teacher", [{"num_classes": 3}, {"shape": (12, 12, 1)}])
def test_a_teacher_of_another_task_is_refused(tmp_path, refusal, teacher):
    brightness(tmp_path / "student.keras")
    message = refusal(teacher=brightness(tmp_path / "teacher.keras", **teacher))
    assert "Expected images of (8, 8, 1) and 2 classes" in message


def test_a_model_of_images_that_no_data_set_has_is_refused(tmp_path, refusal):
    brightness(tmp_path / "student.keras", shape=(8, 8, 4))
    refusal()


def test_a_model_of_oblong_images_is_evaluated(tmp_path, data):
    model = brightness(tmp_path / "student.keras", shape=(8, 12, 1))
    numbers = evaluate_file(EvaluationConfig(model=model, target_dataset=data))
    assert numbers["accuracy"] == 5 / 7


def test_a_missing_model_and_missing_data_are_refused(tmp_path, refusal):
    assert "No such file" in refusal()
    brightness(tmp_path / "student.keras")
    assert "No such folder" in refusal(target_dataset=f"folder:{tmp_path / 'nowhere'}")


def test_the_validation_split_takes_the_place_of_a_test_split(tmp_path, data, caplog):
    model = brightness(tmp_path / "student.keras")
    (tmp_path / "data" / "test").rename(tmp_path / "data" / "Val")
    with caplog.at_level("INFO"):
        numbers = evaluate_file(EvaluationConfig(model=model, target_dataset=data))
    assert numbers["accuracy"] == 5 / 7
    assert "on the validation split" in caplog.text


def test_labels_in_another_order_are_suggested_and_taken(tmp_path, caplog):
    """Names the folders such that their order is not that of the model's outputs."""
    for name, values in (("b bright", range(150, 250)), ("a dark", range(0, 100))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for value in values:
            Image.new("L", (8, 8), value).save(tmp_path / "data" / name / f"{value}.png")
    model = brightness(tmp_path / "student.keras")
    config = {"model": model, "target_dataset": f"folder:{tmp_path / 'data'}"}
    numbers = evaluate_file(EvaluationConfig(**config))
    assert numbers["accuracy"] == 0.0
    assert numbers["suggested_labels"] == ["b bright", "a dark"]
    assert "the model does not fit the data" in caplog.text and "b bright, a dark" in caplog.text
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(numbers["suggested_labels"]))
    numbers = evaluate_file(EvaluationConfig(**config, labels=str(labels)))
    assert numbers["accuracy"] == 1.0 and "suggested_labels" not in numbers
    assert list(numbers["per_class"]) == ["b bright", "a dark"]
