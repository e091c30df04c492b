"""Operations that several losses share."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.losses import _ops

LOGITS = np.random.RandomState(3).normal(scale=5.0, size=(4, 7))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_log_probs_equal_float64_numpy(temperature):
    scaled = LOGITS / temperature
    expected = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    log_probs = _ops.log_probs(LOGITS, temperature)
    np.testing.assert_allclose(log_probs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32"])
def test_log_probs_are_float32(dtype):
    assert _ops.log_probs(LOGITS.astype(dtype)).dtype == "float32"


def test_log_probs_of_far_apart_logits_are_finite():
    np.testing.assert_array_equal(_ops.log_probs([[0.0, -30000.0]]), [[0.0, -30000.0]])


def test_a_total_is_no_chain_of_additions_that_the_graph_optimizer_may_regroup():
    terms = [tf.constant(value, "float32") for value in LOGITS[0]]
    graph = tf.function(lambda *x: _ops.total(x)).get_concrete_function(*terms).graph
    assert not {"Add", "AddV2", "AddN"} & {node.type for node in graph.get_operations()}
    np.testing.assert_allclose(_ops.total(iter(terms)), LOGITS[0].sum(), rtol=1e-6)


def test_float32_keeps_the_values():
    values = _ops.float32(np.asarray([0, 1, 255], "uint8"))
    assert values.dtype == "float32"
    np.testing.assert_array_equal(values, [0.0, 1.0, 255.0])
