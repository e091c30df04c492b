"""Data and networks that a distiller refuses in Python, each in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from mosaickd_tf.data import streams
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import KnowledgeDistiller

IMAGES = np.random.RandomState(0).uniform(size=(8, 8, 8, 3)).astype("float32")
slices = tf.data.Dataset.from_tensor_slices


def network(*tail):
    flat = (keras.Input((8, 8, 3)), layers.Flatten())
    return keras.Sequential([*flat, *(tail or (layers.Dense(4),))])


def distiller(compiled=True):
    made = KnowledgeDistiller(teacher=network(), student=network())
    if compiled:
        made.compile()
    return made


def rounds(**changes):
    stream = streams.rounds(IMAGES, batch_size=2, student_steps=1).take(1)
    return stream.map(lambda row: row | {name: f(row[name]) for name, f in changes.items()})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: IMAGES, "ndarray"),
        (lambda: slices((IMAGES, np.arange(8))).batch(2), "tuple"),
        (lambda: slices({"image": IMAGES}).batch(2), "without 'patch_images'"),
        (lambda: rounds(patch_images=lambda x: 255 * x), "not in"),
        (lambda: rounds(transfer_images=lambda x: 2 * x - 1), "'transfer_images' from -"),
        (lambda: rounds(transfer_images=lambda x: x[:, 0]), "of shape"),
        (lambda: rounds(patch_images=lambda x: tf.cast(x, "uint8")), "uint8"),
    ],
)
def test_data_that_are_not_rounds_are_refused(data, said):
    with pytest.raises(RequestError, match="`x` must be") as caught:
        distiller().fit(data(), steps_per_epoch=1, verbose=0)
    assert said in str(caught.value) and "mosaickd_tf.data.rounds" in str(caught.value)


def test_fit_before_compile_is_refused():
    with pytest.raises(RequestError, match=r"`compile\(\)` before `fit`"):
        distiller(compiled=False).fit(rounds(), verbose=0)


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        ((layers.Dense(4, activation="softmax"),), "logits.*softmax"),
        ((layers.Dense(4), layers.Softmax()), "logits.*softmax"),
        ((layers.Dense(4, activation="sigmoid"),), "logits.*sigmoid"),
        ((layers.Dense(1),), "one output"),
    ],
)
def test_a_teacher_without_logits_is_refused(tail, said):
    shape = network(*tail).output_shape[-1]
    with pytest.raises(RequestError, match=said):
        KnowledgeDistiller(teacher=network(*tail), student=network(layers.Dense(shape)))


def test_a_student_of_probabilities_is_refused():
    student = network(layers.Dense(4, activation="softmax"))
    with pytest.raises(RequestError, match="`student` returns probabilities.*as_logits"):
        KnowledgeDistiller(teacher=network(), student=student)
