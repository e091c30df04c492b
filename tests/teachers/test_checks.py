"""Checks of a teacher against images and labels."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.config import DataConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import get_task
from mosaickd_tf.teachers.checks import check_logits, check_teacher

IMAGES = np.random.RandomState(0).randint(0, 256, (6, 8, 8, 3), "uint8")
DATA = DataConfig(image_size=8, target_dataset="embedded:digits")
SINGLE_LABEL = get_task("single_label")


def classifier(num_classes=10, shape=(8, 8, 3), last=None):
    """Builds a small classifier, with a layer behind its logits if one is given."""
    inputs = keras.Input(shape)
    logits = layers.Dense(num_classes)(layers.Flatten()(inputs))
    return keras.Model(inputs, last(logits) if last else logits)


def refusal(call, *arguments):
    with pytest.raises(RequestError) as caught:
        call(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_teacher_of_probabilities_is_refused():
    softmax = classifier(last=layers.Softmax())
    assert "must return logits" in refusal(check_logits, softmax, IMAGES, SINGLE_LABEL)
    check_logits(classifier(), IMAGES, SINGLE_LABEL)


def test_a_multi_label_teacher_of_probabilities_is_refused():
    task = get_task("multi_label")
    sigmoid = classifier(last=layers.Activation("sigmoid"))
    assert "must return logits" in refusal(check_logits, sigmoid, IMAGES, task)
    check_logits(classifier(), IMAGES, task)


def test_logits_that_are_all_positive_are_not_taken_for_probabilities():
    positive = classifier(last=layers.Rescaling(1.0, offset=50.0))
    check_logits(positive, IMAGES, SINGLE_LABEL)


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
