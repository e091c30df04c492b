"""Classifiers opened from .keras and .tflite files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.errors import RequestError
from mosaickd_tf.evaluation import KerasModel, TfliteModel, open_model
from tests import tiny

BYTES = np.random.RandomState(0).randint(0, 256, (5, 8, 8, 3), "uint8")


def pixel_counter():
    """Builds a model of uint8 images whose outputs are the sums of channels 0 and 1."""
    images = keras.Input((8, 8, 3), dtype="uint8")
    sums = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(64.0)(images))
    head = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(images, head(sums))
    head.set_weights([np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])])
    return model


def converted(model, **input_options):
    """Converts the model to the content of a .tflite file for one image."""
    images = keras.Input((8, 8, 3), batch_size=1, **input_options)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(images, model(images)))
    return converter.convert()


@pytest.fixture(scope="module")
def tflite_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "counter.tflite"
    path.write_bytes(converted(pixel_counter(), dtype="uint8"))
    return path


def test_a_keras_model_of_uint8_images_is_run_on_them():
    received = KerasModel(pixel_counter()).predict(BYTES)
    np.testing.assert_allclose(received, BYTES.sum(axis=(1, 2))[:, :2], rtol=1e-6)


def test_a_tflite_file_has_the_outputs_of_the_keras_model(tflite_file):
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
    expected = first.copy()
    model.predict(BYTES[1:])
    np.testing.assert_array_equal(first, expected)


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


def test_a_tflite_file_of_other_content_is_refused(tmp_path):
    (tmp_path / "model.tflite").write_text("no model")
    assert "Not a readable model" in refusal(tmp_path / "model.tflite")


def test_a_truncated_tflite_file_is_refused(tmp_path, tflite_file):
    (tmp_path / "model.tflite").write_bytes(tflite_file.read_bytes()[:200])
    assert "Not a readable model" in refusal(tmp_path / "model.tflite")


def test_a_tflite_file_of_float_images_is_refused(tmp_path):
    unit = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])
    (tmp_path / "model.tflite").write_bytes(converted(unit))
    assert "float32 (1, 8, 8, 3)" in refusal(tmp_path / "model.tflite")
