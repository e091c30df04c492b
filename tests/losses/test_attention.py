"""Attention transfer against the published formula in NumPy, and its invariances."""

import numpy as np
import tensorflow as tf

from mosaickd_tf import losses

RNG = np.random.RandomState(6)
TEACHER = RNG.standard_normal((3, 4, 5, 6))
STUDENT = RNG.standard_normal((3, 4, 5, 2))


def attention64(features):
    rows = (features**2).mean(axis=-1).reshape(len(features), -1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_equals_the_published_formula_in_float64():
    expected = ((attention64(TEACHER) - attention64(STUDENT)) ** 2).mean()
    np.testing.assert_allclose(losses.attention_loss(TEACHER, STUDENT), expected, rtol=1e-5)


def test_by_hand():
    # One position each, of two: the maps are (1, 0) and (0, 1).
    teacher, student = [[[[3.0], [0.0]]]], [[[[0.0], [-2.0]]]]
    np.testing.assert_allclose(losses.attention_loss(teacher, student), 1.0, rtol=1e-6)


def test_the_loss_is_invariant_to_the_sign_and_scale_of_features():
    value = losses.attention_loss(-7.0 * TEACHER, STUDENT)
    np.testing.assert_allclose(value, losses.attention_loss(TEACHER, STUDENT), rtol=1e-5)
    np.testing.assert_allclose(losses.attention_loss(TEACHER, 2.0 * TEACHER), 0.0, atol=1e-12)


def test_zero_features_have_a_finite_gradient():
    dead = tf.Variable(np.zeros((1, 2, 2, 3)), dtype="float32")
    with tf.GradientTape() as tape:
        value = losses.attention_loss(np.ones((1, 2, 2, 3)), dead)
    np.testing.assert_allclose(value, 0.25, rtol=1e-6)
    assert np.array_equal(tape.gradient(value, dead), np.zeros((1, 2, 2, 3)))


def test_low_precision_is_computed_in_float32():
    value = losses.attention_loss(tf.cast(TEACHER, "bfloat16"), tf.cast(STUDENT, "bfloat16"))
    assert value.dtype == "float32"
    np.testing.assert_allclose(value, losses.attention_loss(TEACHER, STUDENT), rtol=0.05)
