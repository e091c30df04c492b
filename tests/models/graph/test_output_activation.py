"""Activation in which an output ends, read off the graph; known by construction."""

import keras
import pytest
from keras import layers, ops

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.output_activation import (
    activation_of,
    check_returns_logits,
    output_activation,
)
from tests.tiny import Subclassed


class Own(layers.Layer):
    def call(self, inputs):
        return ops.softmax(inputs)


def ends_in(*tail, shape=(6,)):
    hidden = images = keras.Input(shape)
    for step in tail:
        hidden = step(hidden)
    return keras.Model(images, hidden)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ([layers.Dense(5)], "linear"),
        ([layers.Dense(5, activation="softmax")], "softmax"),
        ([layers.Dense(5, activation="sigmoid")], "sigmoid"),
        ([layers.Dense(5, activation="tanh")], "tanh"),
        ([layers.Dense(5, activation="relu")], "relu"),
        ([layers.Dense(5, activation=layers.Softmax())], "softmax"),
        ([layers.Dense(5), layers.Softmax()], "softmax"),
        ([layers.Dense(5), layers.Activation("softmax")], "softmax"),
        ([layers.Dense(5), layers.Activation("log_softmax")], "log_softmax"),
        ([layers.Dense(5), ops.softmax], "softmax"),
        ([layers.Dense(5), ops.sigmoid], "sigmoid"),
        ([layers.Dense(5), ops.log_softmax], "log_softmax"),
        ([layers.Dense(5), layers.ReLU()], "relu"),
        ([layers.Dense(5, activation="softmax"), layers.Dropout(0.5)], "softmax"),
        ([layers.Dense(5, activation="softmax"), layers.Activation("linear")], "softmax"),
        ([layers.Dense(5, activation="softmax"), lambda x: ops.cast(x, "float16")], "softmax"),
        ([layers.Dense(5, activation="softmax"), layers.Reshape((1, 1, 5))], "softmax"),
        ([layers.Dense(5, activation="softmax"), layers.Flatten()], "softmax"),
        ([layers.Dense(5), lambda x: ops.expand_dims(x, 1), layers.Softmax()], "softmax"),
    ],
)
def test_the_last_activation_is_found(tail, expected):
    assert output_activation(ends_in(*tail)) == expected


@pytest.mark.parametrize(
    "tail",
    [
        [layers.Dense(5), Own()],
        [layers.Dense(5, activation="softmax"), layers.Rescaling(2.0)],
        [layers.Dense(5, activation=lambda x: ops.softmax(x))],
        [layers.Dense(5), layers.BatchNormalization()],
        [layers.Dense(10), layers.Reshape((2, 5)), layers.Softmax()],
        [layers.Dense(10), layers.Reshape((2, 5)), layers.Softmax(axis=1), layers.Flatten()],
        [layers.Dense(5, activation="softmax"), lambda x: x[:, ::-1]],
    ],
    ids=["own layer", "rescaled", "own function", "normalized", "two rows", "other axis", "turned"],
)
def test_where_the_graph_does_not_tell_it_is_empty(tail):
    assert output_activation(ends_in(*tail)) == ""


@pytest.mark.parametrize(("activation", "expected"), [(None, "linear"), ("softmax", "")])
def test_a_mean_over_positions_keeps_logits_alone(activation, expected):
    """A mean of softmaxes is no softmax of anything that the graph has."""
    tail = [layers.Conv2D(5, 1, activation=activation), layers.GlobalAveragePooling2D()]
    assert output_activation(ends_in(*tail, shape=(4, 4, 3))) == expected


def test_models_in_models_are_looked_into_and_subclassed_ones_are_not():
    inner = ends_in(layers.Dense(5, activation="softmax"))
    outer = keras.Sequential([keras.Input((6,)), keras.Sequential([keras.Input((6,)), inner])])
    assert output_activation(outer) == activation_of(outer.outputs[0]) == "softmax"
    assert output_activation(Subclassed(inner)) == ""


def test_each_of_several_outputs_has_its_own():
    images = keras.Input((6,))
    inner = keras.Model(
        images, [layers.Dense(5)(images), layers.Dense(3, activation="sigmoid")(images)]
    )
    assert [output_activation(inner, index) for index in (0, 1)] == ["linear", "sigmoid"]
    outer_images = keras.Input((6,))
    outer = keras.Model(outer_images, list(reversed(inner(outer_images))))
    assert [output_activation(outer, index) for index in (0, 1)] == ["sigmoid", "linear"]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_network_of_probabilities_is_refused_by_its_name(activation):
    logits, model = ends_in(layers.Dense(5)), ends_in(layers.Dense(5, activation=activation))
    check_returns_logits(teacher=logits, student=Subclassed(model))
    with pytest.raises(RequestError, match=rf"`teacher`.*{activation}.*as_logits\(teacher\), or"):
        check_returns_logits(teacher=model)
    with pytest.raises(RequestError, match=r"`student`.*as_logits\(student\)$"):
        check_returns_logits(teacher=logits, student=model)
