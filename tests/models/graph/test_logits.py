"""Logits of any classifier, against probabilities computed in float64."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.logits import ProbabilityLogits, as_logits, logits_of
from tests.tiny import Subclassed

ROWS = np.random.RandomState(1).normal(size=(8, 6)).astype("float32")


def own_softmax(values):
    """Computes a softmax of which the graph shows nothing."""
    exponentials = ops.exp(values)
    return exponentials / ops.sum(exponentials, axis=-1, keepdims=True)


def dense(activation=None, scale=1.0, number=5, **options):
    """Builds a layer whose logits differ by about `scale`."""
    initializer = keras.initializers.RandomNormal(stddev=scale / 6**0.5, seed=3)
    return layers.Dense(number, activation, kernel_initializer=initializer, **options)


def network(*tail):
    hidden = rows = keras.Input((6,))
    for step in tail:
        hidden = step(hidden)
    return keras.Model(rows, hidden)


def exact_logits(layer):
    """Computes the logits of a dense layer in float64."""
    kernel, bias = (np.asarray(w, "float64") for w in layer.get_weights())
    return ROWS.astype("float64") @ kernel + bias


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_logits_are_exact_where_the_graph_shows_the_activation(activation, scale):
    """With a scale of 300 most probabilities are 0 or 1 in float32, and their logits are not."""
    layer = dense(activation, scale)
    logits = as_logits(network(layer))
    np.testing.assert_allclose(logits(ROWS), exact_logits(layer), rtol=1e-5, atol=1e-4 * scale)


@pytest.mark.parametrize(
    "tail", [[layers.Softmax()], [layers.Activation("sigmoid")], [ops.softmax]]
)
@pytest.mark.parametrize("after", [[], [layers.Reshape((1, 1, 5))], [layers.Dropout(0.5)]])
def test_an_activation_of_its_own_and_what_keeps_values_is_left_out(tail, after):
    layer = dense()
    logits = as_logits(network(layer, *tail, *after))
    assert logits.output_shape == (None, 5)
    np.testing.assert_allclose(logits(ROWS), exact_logits(layer), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_bfloat16"])
def test_logits_of_a_head_in_low_precision_are_computed_in_float32(dtype):
    layer = dense("softmax", 30.0, dtype=dtype)
    logits = as_logits(network(layer))
    assert logits.outputs[0].dtype == "float32"
    received, exact = np.asarray(logits(ROWS)), exact_logits(layer)
    np.testing.assert_allclose(received, exact, rtol=0.02, atol=0.3)  # of rounded inputs
    assert len(np.unique(received)) == received.size  # not those of a few probabilities


def test_a_temperature_before_the_softmax_is_kept():
    layer = dense()
    logits = as_logits(network(layer, layers.Rescaling(0.25), layers.Softmax()))
    np.testing.assert_allclose(logits(ROWS), exact_logits(layer) / 4, rtol=1e-5, atol=1e-6)


def test_a_head_in_a_model_in_a_model_is_opened():
    layer = dense("softmax")
    inner = network(layer)
    outer = keras.Sequential([keras.Input((6,)), keras.Sequential([keras.Input((6,)), inner])])
    before = outer.predict(ROWS, verbose=0)
    np.testing.assert_allclose(as_logits(outer)(ROWS), exact_logits(layer), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(outer.predict(ROWS, verbose=0), before)  # the model is unchanged


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_probabilities_of_an_unknown_activation_become_logits(kind):
    layer = dense()
    function = own_softmax if kind == "softmax" else lambda x: 1 / (1 + ops.exp(-x))
    received = np.asarray(logits_of(network(layer, function), kind=kind)(ROWS), "float64")
    exact = exact_logits(layer)
    if kind == "softmax":
        exact = exact - np.log(np.exp(exact).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(received, exact, rtol=1e-4, atol=1e-5)


def test_zero_and_one_have_finite_logits_and_gradients():
    """The logarithm of the smallest, and of the largest float32 below 1, by hand."""
    received = ProbabilityLogits("softmax", 1e-6)(np.array([[0.0, 1.0]], "float32"))
    np.testing.assert_allclose(received, [[np.log(1e-6), 0.0]], rtol=1e-6)
    received = np.asarray(ProbabilityLogits("sigmoid")(np.array([[0.0, 0.5, 1.0]], "float32")))
    largest = 1 - 2.0**-24
    expected = [[np.log(1e-30), 0.0, np.log(largest / 2.0**-24)]]
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)


def test_the_layer_is_restored_from_its_config():
    layer = ProbabilityLogits("sigmoid", smallest=1e-4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (again.kind, again.smallest, again.dtype) == ("sigmoid", 1e-4, "float32")


def test_one_of_several_outputs_is_chosen():
    rows = keras.Input((6,))
    second = dense("softmax", number=3)
    model = keras.Model(rows, [dense()(rows), second(rows)])
    np.testing.assert_allclose(
        logits_of(model, index=1)(ROWS), exact_logits(second), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (Subclassed(network(dense("softmax"))), {}, "has no graph"),
        (network(dense("tanh")), {}, "tanh"),
        (network(dense(), own_softmax), {}, "unknown"),
        (network(dense()), {"kind": "probabilities"}, "`kind`"),
    ],
)
def test_what_has_no_known_logits_is_refused(model, options, words):
    with pytest.raises(RequestError, match=words):
        as_logits(model, **options)
