"""Students from others' files: logits of unit images, or refused."""

import logging

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.student_file import load_student_file

IMAGES = np.random.default_rng(1).uniform(0, 1, (3, 8, 8, 3)).astype("float32")


def saved(path, *stages, **head):
    """Saves a network that ends in a dense layer; returns its path and its logits."""
    keras.utils.set_random_seed(0)
    body = [keras.Input((8, 8, 3)), *stages, layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*body, layers.Dense(5, name="head", **head)])
    model.save(path)
    features = keras.Model(model.inputs[0], model.layers[-2].output)(IMAGES, training=False)
    kernel, bias = model.get_layer("head").get_weights()
    return path, np.asarray(features) @ kernel + bias


@pytest.mark.parametrize("activation", ["linear", "softmax", "sigmoid", "log_softmax"])
def test_a_student_returns_logits(tmp_path, activation):
    path, logits = saved(tmp_path / "student.keras", activation=activation)
    student, found = load_student_file(path)
    outputs = np.asarray(student(IMAGES))
    if activation == "log_softmax":  # log-probabilities are logits, up to a constant
        logits = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert found == activation
    np.testing.assert_allclose(outputs, logits, atol=1e-5)


def test_augmentation_is_taken_out_and_said_to_be(tmp_path, caplog):
    stages = layers.RandomFlip(), layers.RandomRotation(0.2)
    path, logits = saved(tmp_path / "student.keras", *stages, activation="softmax")
    with caplog.at_level(logging.WARNING):
        student, _ = load_student_file(path)
    assert "augmentation layers are taken out" in caplog.text
    assert "random_flip" in caplog.text and "random_rotation" in caplog.text
    kinds = [type(layer).__name__ for layer in student.layers]
    assert not [kind for kind in kinds if kind.startswith("Random")]
    np.testing.assert_allclose(student(IMAGES, training=True), logits, atol=1e-5)


def test_one_that_takes_pixels_up_to_255_is_refused(tmp_path):
    path, _ = saved(tmp_path / "student.keras", layers.Rescaling(1 / 255))
    with pytest.raises(RequestError, match="takes pixels in .0, 255.*Save it without") as caught:
        load_student_file(path)
    assert repr(str(path)) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_one_of_integers_is_refused_as_a_serving_file(tmp_path):
    images = keras.Input((8, 8, 3), dtype="uint8")
    hidden = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(images))
    path = tmp_path / "serving.keras"
    keras.Model(images, layers.Dense(2)(hidden)).save(path)
    with pytest.raises(RequestError, match="Name student.keras, not serving.keras"):
        load_student_file(path)


def test_another_activation_at_the_end_is_refused(tmp_path):
    path, _ = saved(tmp_path / "student.keras", activation="tanh")
    with pytest.raises(RequestError, match="does not show whether it returns logits.*tanh"):
        load_student_file(path)


def test_one_that_is_no_classifier_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3)])
    model.save(tmp_path / "student.keras")
    with pytest.raises(RequestError, match="Not an image classifier"):
        load_student_file(tmp_path / "student.keras")
