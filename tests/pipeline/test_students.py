"""Students from files: augmentation, frozen layers, rescaling, size."""

import logging

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline.students import load_student, warn_of_size

SHAPE = (16, 16, 3)
IMAGES = np.random.RandomState(0).uniform(size=(4, *SHAPE)).astype("float32")


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
    student = load_student(saved(original, tmp_path), SHAPE, 5)
    assert "random_flip" in caplog.text and "random_zoom" in caplog.text
    np.testing.assert_array_equal(student(IMAGES), original(IMAGES, training=False))
    first = student(IMAGES, training=True)
    np.testing.assert_array_equal(first, student(IMAGES, training=True))


def test_a_student_without_them_keeps_its_weights_and_nothing_is_said(tmp_path, caplog):
    original = network()
    student = load_student(saved(original, tmp_path), SHAPE, 5)
    np.testing.assert_array_equal(student(IMAGES), original(IMAGES))
    assert not caplog.text


def test_a_student_that_cannot_learn_is_refused(tmp_path):
    model = network()
    model.trainable = False
    with pytest.raises(RequestError, match="`student` cannot learn.*frozen"):
        load_student(saved(model, tmp_path), SHAPE, 5)


def test_frozen_layers_are_said_and_stay_frozen(tmp_path, caplog):
    model = network(layers.RandomFlip())
    model.get_layer("conv").trainable = False
    student = load_student(saved(model, tmp_path), SHAPE, 5)
    assert "1 layers are frozen" in caplog.text and "'conv'" in caplog.text
    assert not student.get_layer("conv").trainable


def test_a_student_of_bytes_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"\[0, 255\].*0.003922"):
        load_student(saved(network(layers.Rescaling(1 / 255)), tmp_path), SHAPE, 5)


def test_a_student_that_centers_unit_images_is_taken(tmp_path):
    load_student(saved(network(layers.Rescaling(2.0, -1.0)), tmp_path), SHAPE, 5)


@pytest.mark.parametrize(
    ("student", "said"),
    [(network(), "same network"), (network(filters=8), "larger"), (network(filters=2), "")],
)
def test_a_student_no_smaller_than_its_teacher_is_said(student, said, caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_size(student, network())
    assert said in caplog.text and bool(said) == bool(caplog.text)


def other(shape=SHAPE, outputs=5, activation=None):
    layers_of = (layers.Flatten(), layers.Dense(outputs, activation=activation))
    return keras.Sequential([keras.Input(shape), *layers_of])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((8, 8, 3), "`image_size`=8, so"),
        ((8, 12, 3), "`image_size`=8x12, so"),
        ((16, 16, 1), "Set `channels`=1, so"),
        ((8, 8, 1), "`image_size`=8 and `channels`=1"),
        ((3, 16, 16), "channels last"),
        ((16, 16, 4), "1 or 3 channels"),
    ],
)
def test_a_student_of_other_images_is_refused_with_the_flag(shape, said, tmp_path):
    with pytest.raises(RequestError, match="`student` takes other images") as caught:
        load_student(saved(other(shape), tmp_path), SHAPE, 5)
    assert said in str(caught.value) and str(shape) in str(caught.value)


def test_a_student_of_other_classes_is_refused(tmp_path):
    with pytest.raises(RequestError, match="`student` has other outputs.*Expected 5. Received: 7"):
        load_student(saved(other(outputs=7), tmp_path), SHAPE, 5)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_student_of_probabilities_is_taken_as_one_of_logits(activation, tmp_path):
    model = other(activation=activation)
    student = load_student(saved(model, tmp_path), SHAPE, 5)
    received = keras.activations.get(activation)(student(IMAGES))
    np.testing.assert_allclose(received, model(IMAGES), rtol=1e-5)


def test_an_end_that_shows_nothing_is_refused(tmp_path):
    with pytest.raises(RequestError, match="`student` does not show.*tanh"):
        load_student(saved(other(activation="tanh"), tmp_path), SHAPE, 5)


def test_a_random_crop_becomes_the_resizing_that_keras_documents_for_inference(tmp_path):
    rest = keras.Sequential([keras.Input((12, 12, 3)), layers.Flatten(), layers.Dense(5)])
    model = keras.Sequential([keras.Input(SHAPE), layers.RandomCrop(12, 12), rest])
    student = load_student(saved(model, tmp_path), SHAPE, 5)
    expected = rest(layers.Resizing(12, 12, crop_to_aspect_ratio=True)(IMAGES))
    np.testing.assert_allclose(student(IMAGES, training=True), expected, rtol=1e-4, atol=1e-5)
