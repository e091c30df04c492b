"""Data and networks that a distiller refuses in Python, each in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from mosaickd_tf.data import streams
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import KnowledgeDistiller
from tests import tiny

IMAGES = np.random.RandomState(0).uniform(size=(8, 8, 8, 3)).astype("float32")
slices = tf.data.Dataset.from_tensor_slices


def network(*tail, shape=(8, 8, 3)):
    flat = (keras.Input(shape), layers.Flatten())
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
        (lambda: slices({"image": IMAGES}).batch(2), "without 'transfer_images'"),
        (lambda: rounds(patch_images=lambda x: 255 * x), "not in"),
        (lambda: rounds(transfer_images=lambda x: 2 * x - 1), "'transfer_images' from -"),
        (lambda: rounds(transfer_images=lambda x: x[:, 0]), "of shape"),
        (lambda: rounds(patch_images=lambda x: tf.cast(x, "uint8")), "uint8"),
        (lambda: rounds(patch_images=lambda x: x[..., :1]), "not of the teacher's"),
        (lambda: rounds(patch_images=lambda x: x[:, :4]), "not of the teacher's"),
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


def subclassed(activation):
    """Returns a model whose graph shows nothing, of 4 outputs."""
    return tiny.Subclassed(network(layers.Dense(4, activation=activation)))


def clipped():
    model = network(layers.Dense(4, activation="softmax"))
    return keras.Model(model.inputs, keras.ops.clip(model.outputs[0], 1e-7, 1.0))


def broken():
    model = network()
    model.set_weights([array * np.nan for array in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("teacher", lambda: subclassed("softmax"), "values of a softmax"),
        ("student", lambda: subclassed("softmax"), "values of a softmax"),
        ("teacher", clipped, r"as_logits\(teacher, kind="),
        ("teacher", broken, "NaN"),
        ("student", lambda: tiny.Subclassed(network(layers.Dense(5))), "same output shape"),
        ("student", lambda: tiny.Subclassed(network(shape=(9, 8, 3))), "cannot run"),
    ],
)
def test_networks_that_show_at_their_values_what_they_are_are_refused(name, made, said):
    pair = {"teacher": network(), "student": network()} | {name: made()}
    made = KnowledgeDistiller(**pair)
    made.compile()
    with pytest.raises(RequestError, match=f"`{name}`.*{said}|{said}.*`{name}`"):
        made.fit(rounds(), steps_per_epoch=1, verbose=0)


def test_logits_of_unknown_networks_are_trained_on():
    made = KnowledgeDistiller(teacher=subclassed(None), student=network())
    made.compile()
    made.fit(rounds(), steps_per_epoch=1, verbose=0)


LABELS = np.arange(8) % 4
VALIDATION = {
    "images alone": (lambda: IMAGES, "have labels.*alone"),
    "bytes": (lambda: (255 * IMAGES, LABELS), "unit images.*by 255"),
    "integers": (lambda: ((255 * IMAGES).astype("uint8"), LABELS), "unit images.*uint8"),
    "channels first": (lambda: (IMAGES.transpose(0, 3, 1, 2), LABELS), r"\(8, 3, 8, 8\)"),
    "one-hot": (lambda: (IMAGES, np.eye(4)[LABELS]), r"single_label.*\(8, 4\).*argmax"),
    "other classes": (lambda: (IMAGES, LABELS + 4), "labels from 4 to 7"),
    "rounds": (rounds, "have labels.*dict"),
    "no images": (lambda: (IMAGES[:0], LABELS[:0]), r"\(0, 8, 8, 3\)"),
    "data set of bytes": (lambda: slices((255 * IMAGES, LABELS)).batch(4), "by 255"),
}


@pytest.mark.parametrize("case", VALIDATION)
def test_validation_data_of_another_kind_are_refused_before_training(case):
    data, said = VALIDATION[case]
    with pytest.raises(RequestError, match=f"`validation_data` must.*({said})"):
        distiller().fit(rounds(), steps_per_epoch=1, validation_data=data(), verbose=0)


def test_evaluation_and_prediction_take_unit_images_alone():
    made = distiller()
    pairs = slices((IMAGES, LABELS)).batch(4)
    made.fit(rounds(), steps_per_epoch=1, validation_data=pairs, verbose=0)
    made.evaluate(pairs, verbose=0)
    assert made.predict(IMAGES, verbose=0).shape == (8, 4)
    with pytest.raises(RequestError, match="`x` must have labels"):
        made.evaluate(IMAGES, verbose=0)
    for call in (made.predict, made.evaluate):
        with pytest.raises(RequestError, match="`x` must hold unit images"):
            call(255 * IMAGES, verbose=0)
    with pytest.raises(RequestError, match="`x` must be"):
        made.train_on_batch(IMAGES)


@pytest.mark.parametrize(
    "wrong", [{"y": LABELS}, {"batch_size": 4}, {"class_weight": {0: 1}}, {"validation_split": 0.1}]
)
def test_arguments_without_a_meaning_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(RequestError, match=f"`{name}` is no argument"):
        distiller().fit(rounds(), steps_per_epoch=1, verbose=0, **wrong)


def test_an_endless_epoch_is_refused():
    stream = streams.rounds(IMAGES, batch_size=2, student_steps=1)
    with pytest.raises(RequestError, match="`steps_per_epoch` is needed"):
        distiller().fit(stream, verbose=0)
