"""Accuracy, agreement and per class, by hand; .keras and .tflite files side by side."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics

from mosaickd_tf import evaluation
from mosaickd_tf.errors import RequestError
from mosaickd_tf.evaluation import KerasModel, TfliteModel, open_model
from tests import tiny

BYTES = np.random.RandomState(0).randint(0, 256, (5, 8, 8, 3), "uint8")

# Highest first: 2 0 1 / 0 1 2 / 1 2 0 / 2 1 0.
OUTPUTS = np.array([[2.0, 1.0, 3.0], [0.9, 0.5, 0.1], [-3.0, -1.0, -2.0], [0.0, 1.0, 2.0]])
LABELS = np.array([2, 1, 0, 1])


@pytest.mark.parametrize("k, right", [(1, 1), (2, 3), (3, 4), (5, 4)])
def test_top_k_by_hand(k, right):
    assert evaluation.top_k_accuracy(OUTPUTS, LABELS, k) == right / 4


def test_top_k_takes_the_first_of_equals_only():
    """Four equal outputs are one guess, not a hit for every label."""
    outputs = np.zeros((4, 4))
    assert evaluation.top_k_accuracy(outputs, np.arange(4)) == 0.25
    assert evaluation.top_k_accuracy(outputs, np.arange(4), k=2) == 0.5


def test_top_k_is_a_python_float_of_any_sequence_of_labels():
    accuracy = evaluation.top_k_accuracy(OUTPUTS, [2, 0, 1, 2])
    assert accuracy == 1.0
    assert type(accuracy) is float


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint8"])
def test_top_k_of_any_kind_of_number(dtype):
    """A quantized file gives integers, unsigned ones too."""
    outputs = np.array([[0, 1, 100], [7, 0, 3]], dtype)
    assert evaluation.top_k_accuracy(outputs, [2, 0]) == 1.0


def test_agreement_by_hand():
    others = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]])
    assert evaluation.agreement(OUTPUTS, others) == 0.5
    assert evaluation.agreement(OUTPUTS, 10 * OUTPUTS + 3) == 1.0


def test_variety_by_hand():
    """Of 4 images 3 fall outside of the student's commonest class, and 2 outside the teacher's."""
    students, teachers = np.eye(4), np.eye(4)[[0, 0, 1, 2]]
    assert evaluation.prediction_diversity(students, teachers) == pytest.approx(0.75 / 0.5)
    assert evaluation.prediction_diversity(np.eye(4)[[3, 3, 3, 3]], teachers) == 0.0
    assert evaluation.prediction_diversity(teachers, 5 * teachers) == 1.0
    assert evaluation.prediction_diversity(students, np.eye(4)[[2, 2, 2, 2]]) is None


def test_per_class_by_hand():
    outputs = np.eye(4)[[0, 0, 1, 2, 0]]
    labels = np.array([0, 0, 1, 0, 1])
    assert evaluation.per_class_accuracy(outputs, labels) == [2 / 3, 0.5, None, None]


def test_predictions_are_those_of_the_unit_images_in_inference_mode():
    model = tiny.classifier()
    received = evaluation.predict_logits(model, BYTES)
    wanted = model(BYTES.astype("float64") / 255, training=False).numpy()
    assert received.dtype == np.float32
    np.testing.assert_allclose(received, wanted, atol=1e-5)


def test_predictions_of_more_images_than_a_batch_keep_their_order(monkeypatch):
    model = tiny.classifier()
    whole = evaluation.predict_logits(model, BYTES)
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 2)
    np.testing.assert_allclose(evaluation.predict_logits(model, BYTES), whole, atol=1e-6)


def test_a_model_is_evaluated_as_it_is_now():
    """The compiled pass is kept between evaluations; the weights in it are not."""
    model = tiny.classifier()
    before = evaluation.predict_logits(model, BYTES)
    model.get_layer("logits").bias.assign_add(np.ones(10))
    np.testing.assert_allclose(evaluation.predict_logits(model, BYTES), before + 1, atol=1e-6)


def test_predictions_of_a_low_precision_model_are_float32():
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(3, dtype="mixed_bfloat16")(
        keras.layers.GlobalAveragePooling2D()(inputs)
    )
    assert evaluation.predict_logits(keras.Model(inputs, outputs), BYTES).dtype == np.float32


def pixel_counter():
    """Takes uint8 images; its two outputs are the sums of channels 0 and 1."""
    images = keras.Input((8, 8, 3), dtype="uint8")
    sums = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(64.0)(images))
    head = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(images, head(sums))
    head.set_weights([np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])])
    return model


def converted(model, **input_options):
    """The model as a .tflite file's content for one image."""
    images = keras.Input((8, 8, 3), batch_size=1, **input_options)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(images, model(images)))
    return converter.convert()


@pytest.fixture(scope="module")
def tflite_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "counter.tflite"
    path.write_bytes(converted(pixel_counter(), dtype="uint8"))
    return path


def test_a_keras_model_of_bytes_is_given_bytes():
    received = KerasModel(pixel_counter()).predict(BYTES)
    np.testing.assert_allclose(received, BYTES.sum(axis=(1, 2))[:, :2], rtol=1e-6)


def test_a_tflite_file_gives_what_the_keras_model_gives(tflite_file):
    model = open_model(tflite_file)
    assert isinstance(model, TfliteModel)
    assert model.image_shape == (8, 8, 3)
    received = model.predict(BYTES)
    assert received.dtype == np.float32
    np.testing.assert_allclose(received, BYTES.sum(axis=(1, 2))[:, :2], rtol=1e-6)
    np.testing.assert_allclose(received, KerasModel(pixel_counter()).predict(BYTES), rtol=1e-6)


def test_outputs_of_tflite_are_not_views_that_the_next_image_overwrites(tflite_file):
    model = TfliteModel(tflite_file, threads=1)
    first = model.predict(BYTES[:1])
    kept = first.copy()
    model.predict(BYTES[1:])
    np.testing.assert_array_equal(first, kept)


def test_a_keras_file_opens(tmp_path):
    tiny.classifier().save(tmp_path / "student.keras")
    model = open_model(tmp_path / "student.keras")
    assert isinstance(model, KerasModel)
    assert model.image_shape == (8, 8, 3)
    np.testing.assert_allclose(
        model.predict(BYTES), evaluation.predict_logits(tiny.classifier(), BYTES), atol=1e-6
    )


def refusal(path):
    with pytest.raises(RequestError) as caught:
        open_model(path)
    assert len(str(caught.value).splitlines()) == 1
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["model.tflite", "model.keras"])
def test_a_file_that_is_missing_is_refused(tmp_path, name):
    assert "No such file" in refusal(tmp_path / name)


def test_a_tflite_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "model.tflite").write_text("no model")
    assert "Not a readable model" in refusal(tmp_path / "model.tflite")


def test_a_tflite_file_that_was_cut_short_is_refused(tmp_path, tflite_file):
    (tmp_path / "model.tflite").write_bytes(tflite_file.read_bytes()[:200])
    assert "Not a readable model" in refusal(tmp_path / "model.tflite")


def test_a_tflite_file_of_float_images_is_refused(tmp_path):
    unit = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])
    (tmp_path / "model.tflite").write_bytes(converted(unit))
    assert "float32 (1, 8, 8, 3)" in refusal(tmp_path / "model.tflite")


def test_the_confusion_matrix_is_scikit_learn_s():
    rng = np.random.RandomState(0)
    labels, named = rng.randint(0, 5, 200), rng.randint(0, 5, 200)
    expected = metrics.confusion_matrix(labels, named, labels=range(7))
    np.testing.assert_array_equal(evaluation.confusion_matrix(labels, named, 7), expected)
    assert evaluation.confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist() == [[1, 1], [0, 1]]
