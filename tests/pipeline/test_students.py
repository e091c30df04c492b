"""Students from files: augmentation, frozen layers, rescaling, size."""

import logging

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline.students import load_student, warn_of_size

IMAGES = np.random.RandomState(0).uniform(size=(4, 16, 16, 3)).astype("float32")


def network(*first, filters=4, seed=0):
    keras.utils.set_random_seed(seed)
    convolution = layers.Conv2D(filters, 3, name="conv")
    rest = (convolution, layers.BatchNormalization(), layers.Flatten(), layers.Dense(5))
    return keras.Sequential([keras.Input((16, 16, 3)), *first, *rest])


def saved(model, path):
    model.save(path / "student.keras")
    return path / "student.keras"


def test_layers_that_augment_are_taken_out_at_any_depth(tmp_path, caplog):
    inputs = keras.Input((16, 16, 3))
    outputs = network(layers.RandomZoom(0.2))(layers.RandomFlip()(inputs))
    original = keras.Model(inputs, outputs)
    student = load_student(saved(original, tmp_path))
    assert "random_flip" in caplog.text and "random_zoom" in caplog.text
    np.testing.assert_array_equal(student(IMAGES), original(IMAGES, training=False))
    first = student(IMAGES, training=True)
    np.testing.assert_array_equal(first, student(IMAGES, training=True))


def test_a_student_without_them_keeps_its_weights_and_nothing_is_said(tmp_path, caplog):
    original = network()
    student = load_student(saved(original, tmp_path))
    np.testing.assert_array_equal(student(IMAGES), original(IMAGES))
    assert not caplog.text


def test_a_student_that_cannot_learn_is_refused(tmp_path):
    model = network()
    model.trainable = False
    with pytest.raises(RequestError, match="`student` cannot learn.*frozen"):
        load_student(saved(model, tmp_path))


def test_frozen_layers_are_said_and_stay_frozen(tmp_path, caplog):
    model = network(layers.RandomFlip())
    model.get_layer("conv").trainable = False
    student = load_student(saved(model, tmp_path))
    assert "1 layers are frozen" in caplog.text and "'conv'" in caplog.text
    assert not student.get_layer("conv").trainable


def test_a_student_of_bytes_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"\[0, 255\].*0.003922"):
        load_student(saved(network(layers.Rescaling(1 / 255)), tmp_path))


def test_a_student_that_centers_unit_images_is_taken(tmp_path):
    load_student(saved(network(layers.Rescaling(2.0, -1.0)), tmp_path))


@pytest.mark.parametrize(
    ("student", "said"),
    [(network(), "same network"), (network(filters=8), "larger"), (network(filters=2), "")],
)
def test_a_student_no_smaller_than_its_teacher_is_said(student, said, caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_size(student, network())
    assert said in caplog.text and bool(said) == bool(caplog.text)
