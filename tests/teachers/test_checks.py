"""Checks of a teacher against images and labels."""

import keras
import pytest
from keras import layers

from mosaickd_tf.config import DataConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers.checks import check_teacher

DATA = DataConfig(image_size=8, target_dataset="embedded:digits")


def classifier(num_classes=10, shape=(8, 8, 3)):
    """Builds a small classifier."""
    inputs = keras.Input(shape)
    logits = layers.Dense(num_classes)(layers.Flatten()(inputs))
    return keras.Model(inputs, logits)


def refusal(call, *arguments):
    with pytest.raises(RequestError) as caught:
        call(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_teacher_of_other_images_is_refused():
    for shape in ((12, 12, 3), (8, 8, 1)):
        message = refusal(check_teacher, classifier(shape=shape), DATA, "0123456789")
        assert "(8, 8, 3)" in message and str(shape) in message


def test_a_teacher_of_other_classes_is_refused():
    message = refusal(check_teacher, classifier(num_classes=7), DATA, "0123456789")
    assert "10 classes" in message and "7 classes" in message and "embedded:digits" in message


def test_without_labels_a_teacher_may_have_any_classes():
    check_teacher(classifier(num_classes=7), DATA, ())
    check_teacher(classifier(), DATA, tuple("0123456789"))
