"""Operations that losses share: precision, and sums whose last bit does not change."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from mosaickd_tf.losses import _ops


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_log_probs_are_those_of_float64_at_a_temperature(dtype):
    logits = tf.cast([[1.0, -2.5, 300.0], [0.5, 0.25, -0.125]], dtype)  # exact in each type
    received = _ops.log_probs(logits, temperature=4.0)
    expected = scipy.special.log_softmax(np.array(logits, "float64") / 4, axis=-1)
    assert received.dtype == "float32"
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_float32_keeps_what_a_narrower_type_holds():
    values = _ops.float32(tf.constant([1.5, -2.0], "float16"))
    assert values.dtype == "float32" and values.numpy().tolist() == [1.5, -2.0]


def test_total_is_the_sum_and_the_same_bits_in_every_trace():
    terms = np.random.default_rng(0).normal(size=50).astype("float32")
    sums = [tf.function(lambda x: _ops.total(tf.unstack(x)))(terms).numpy() for _ in range(5)]
    assert len({value.tobytes() for value in sums}) == 1
    assert sums[0] == pytest.approx(terms.astype("float64").sum(), rel=1e-5)
    assert float(_ops.total(iter([tf.constant(2.0)]))) == 2.0
