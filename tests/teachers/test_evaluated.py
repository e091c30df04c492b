"""Classifiers that are evaluated, as models of unit images."""

import logging

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.teachers.evaluated import load_compared_teacher, load_evaluated
from tests.teachers.range_models import LEARNED, OF_UNIT, photos, seen, teacher

UNIT_IMAGES = photos()[5::40].astype("float32") / 255


@pytest.mark.parametrize(("pixels", "given"), [("caffe", "auto"), ("signed", "signed")])
def test_the_outputs_are_those_of_the_file_for_its_own_pixels(pixels, given, tmp_path, caplog):
    model = teacher(seen(photos()), pixels)
    model.save(tmp_path / "model.keras")
    with caplog.at_level(logging.INFO):
        received = load_evaluated(tmp_path / "model.keras", given)(UNIT_IMAGES)
    expected = model(OF_UNIT[pixels](UNIT_IMAGES.astype("float64")))
    np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-4)
    assert f"takes pixels {pixels}" in caplog.text


def test_a_model_of_uint8_images_is_left_as_it_is(tmp_path):
    images = keras.Input((8, 8, 3), dtype="uint8")
    hidden = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(images))
    keras.Model(images, hidden).save(tmp_path / "serving.keras")
    model = load_evaluated(tmp_path / "serving.keras")
    assert model.inputs[0].dtype == "uint8"
    levels = np.full((2, 8, 8, 3), 51, "uint8")
    np.testing.assert_allclose(model(levels), np.full((2, 3), 0.2), rtol=1e-6)


def test_where_the_range_cannot_be_told_unit_images_are_assumed_with_a_warning(tmp_path, caplog):
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, layers.Dense(3, bias_initializer=LEARNED)(layers.Flatten()(images)))
    model.save(tmp_path / "model.keras")
    unit = UNIT_IMAGES[:, :8, :8]
    received = load_evaluated(tmp_path / "model.keras")(unit)
    np.testing.assert_allclose(received, model(unit), rtol=1e-6)
    assert "`model_input` says another range" in caplog.text


def test_a_teacher_of_larger_images_is_given_those_of_the_student_enlarged(tmp_path, caplog):
    images = keras.Input((24, 16, 3))
    model = keras.Model(images, layers.Dense(4)(layers.Flatten()(images)))
    model.save(tmp_path / "teacher.keras")
    colors = np.random.default_rng(0).random((5, 1, 1, 3)).astype("float32")
    with caplog.at_level(logging.INFO):
        teacher = load_compared_teacher(tmp_path / "teacher.keras", "signed", (12, 8, 3))
    received = teacher(np.broadcast_to(colors, (5, 12, 8, 3)))
    expected = model(np.broadcast_to(2 * colors - 1, (5, 24, 16, 3)))
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
    assert "images of 12x8x3 are given to a teacher of 24x16x3" in caplog.text


def test_a_student_of_open_sides_leaves_the_teacher_its_own(tmp_path):
    images = keras.Input((24, 16, 3))
    model = keras.Model(images, layers.Dense(4)(layers.Flatten()(images)))
    model.save(tmp_path / "teacher.keras")
    teacher = load_compared_teacher(tmp_path / "teacher.keras", "unit", (None, None, 3))
    assert teacher.input_shape == (None, 24, 16, 3)


def test_nothing_is_said_of_a_teacher_of_the_same_images(tmp_path, caplog):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, layers.Dense(4)(layers.GlobalAveragePooling2D()(images)))
    model.save(tmp_path / "teacher.keras")
    unit = UNIT_IMAGES[:, :10, :9]
    with caplog.at_level(logging.INFO):
        teacher = load_compared_teacher(tmp_path / "teacher.keras", "unit", (10, 9, 3))
    np.testing.assert_allclose(teacher(unit), model(unit), rtol=1e-5, atol=1e-6)
    assert "are given to a teacher" not in caplog.text
