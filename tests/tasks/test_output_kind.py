"""Kinds of outputs told by their values, made from logits by formulas of NumPy."""

import numpy as np
import pytest

from mosaickd_tf.tasks.output_kind import kind_of_values

LOGITS = np.random.RandomState(0).normal(0, 4, size=(64, 5)).astype("float32")
SIGMOIDS = 1 / (1 + np.exp(-LOGITS))
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)


@pytest.mark.parametrize(
    "outputs, kind",
    [
        (LOGITS, "logits"),
        (SOFTMAX, "softmax"),
        (SOFTMAX.astype("float16"), "softmax"),
        (np.round(SOFTMAX * 256) / 256, "softmax"),  # of a network in 8-bit integers
        (SIGMOIDS, "sigmoid"),
        (SIGMOIDS[:, :1], "sigmoid"),
        (LOGITS[:, :1], "logits"),
        (np.tanh(LOGITS), ""),
        (0.4 + 0.1 * SIGMOIDS, ""),  # never near 0 and 1
        (SOFTMAX * 1.01, "sigmoid"),  # rows of 1.01 are no probabilities of one label
        (1.5 * SOFTMAX, "logits"),
    ],
)
def test_values_tell_the_kind(outputs, kind):
    assert kind_of_values(outputs) == kind
