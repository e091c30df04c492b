"""Heads of teachers: found, and turned into logits that have the head's own probabilities."""

import types

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.config import TeacherConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers import as_logits
from mosaickd_tf.teachers.heads import find_head, with_logits

IMAGES = np.random.RandomState(0).uniform(size=(16, 8, 8, 3)).astype("float32")


def network(*tail):
    body = (layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D())
    x = images = keras.Input((8, 8, 3))
    for layer in (*body, *tail):
        x = layer(x)
    return keras.Model(images, x)


def head_of(model, task="auto", **options):
    outputs = model(IMAGES)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    names = tuple(f"o{i}" for i in range(len(outputs)))
    file = types.SimpleNamespace(model=model, output_names=names, path="teacher.keras")
    return find_head(file, TeacherConfig(**options), lambda: list(map(np.asarray, outputs)), task)


def probabilities(logits, kind):
    logits = np.asarray(logits, "float64")
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("tail", "kind", "task"),
    [
        ([layers.Dense(5, activation="softmax")], "softmax", "single_label"),
        ([layers.Dense(5), layers.Softmax()], "softmax", "single_label"),
        ([layers.Dense(5, activation="sigmoid")], "sigmoid", "multi_label"),
        ([layers.Dense(1, activation="sigmoid")], "sigmoid", "multi_label"),
        ([layers.Dense(2, activation="softmax"), layers.Reshape((1, 1, 2))], "softmax", None),
    ],
)
def test_logits_have_the_probabilities_of_the_head(tail, kind, task):
    model = network(*tail)
    head = head_of(model)
    assert head.kind == kind and head.task == (task or "single_label")
    expected = np.asarray(model(IMAGES), "float64").reshape(len(IMAGES), -1)
    logits = with_logits(model, head)
    assert logits.outputs[0].dtype == "float32" and len(logits.output_shape) == 2
    np.testing.assert_allclose(probabilities(logits(IMAGES), kind), expected, atol=1e-6)


def test_a_head_inside_of_a_nested_model_is_read():
    inner = network(layers.Dense(5, activation="softmax"))
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, inner(layers.Rescaling(1.0)(images)))
    logits = with_logits(model, head_of(model))
    assert "probability_logits" not in {layer.name for layer in logits.layers}
    received = probabilities(logits(IMAGES), "softmax")
    np.testing.assert_allclose(received, np.asarray(model(IMAGES)), atol=1e-6)


def test_logits_of_float32_are_the_model_itself():
    model = network(layers.Dense(5))
    assert with_logits(model, head_of(model)) is model and as_logits(model) is model


def test_the_one_classifier_of_two_outputs_is_taken_and_two_are_refused():
    model = network(layers.Dense(8, activation="relu"))
    two = keras.Model(model.input, [layers.Dense(5)(model.output), model.output])
    assert head_of(two).index == 0
    twice = keras.Model(model.input, [layers.Dense(5)(model.output), layers.Dense(3)(model.output)])
    with pytest.raises(RequestError, match="teacher_output"):
        head_of(twice)
    assert head_of(twice, teacher_output="1").num_labels == 3


@pytest.mark.parametrize(
    ("tail", "options", "task", "words"),
    [
        ([layers.Dense(5, activation="tanh")], {}, "auto", "teacher_output_kind"),
        (
            [layers.Dense(5, activation="softmax")],
            {"teacher_output_kind": "logits"},
            "auto",
            "kind",
        ),
        ([layers.Dense(1)], {}, "single_label", "multi_label"),
        ([layers.Dense(1, activation="softmax")], {}, "auto", "softmax"),
        (
            [layers.Dense(5, bias_initializer="ones"), layers.Rescaling(np.nan)],
            {},
            "auto",
            "finite",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*softmax over axis")
def test_what_cannot_be_right_is_refused(tail, options, task, words):
    with pytest.raises(RequestError, match=words):
        head_of(network(*tail), task, **options)
