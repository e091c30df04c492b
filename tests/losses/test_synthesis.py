"""Losses of synthetic images: by hand, in NumPy float64, saturated, and gradients."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from tests.losses import softmax64

RNG = np.random.RandomState(8)
TEACHER = 3.0 * RNG.standard_normal((6, 5))
STUDENT = 3.0 * RNG.standard_normal((6, 5))
LABELS = np.array([0, 4, 2, 2, 1, 3])


def competition64(teacher, student):
    p, q = softmax64(teacher / 3.0), softmax64(student / 3.0)
    m = (p + q) / 2
    divergence = ((p * np.log(p / m)).sum(-1) + (q * np.log(q / m)).sum(-1)) / 2
    return 1.0 - divergence.mean()


TERMS = {
    "classification": (
        lambda x: losses.classification_loss(x, LABELS),
        lambda x: -np.log(softmax64(x)[np.arange(6), LABELS]).mean(),
    ),
    "one_hot": (
        losses.one_hot_loss,
        lambda x: -np.log(softmax64(x)[np.arange(6), x.argmax(-1)]).mean(),
    ),
    "competition": (
        lambda x: losses.competition_loss(x, STUDENT),
        lambda x: competition64(x, STUDENT),
    ),
}


@pytest.mark.parametrize("name", TERMS)
def test_term_equals_float64_numpy(name):
    loss, expected = TERMS[name]
    np.testing.assert_allclose(loss(TEACHER), expected(TEACHER), rtol=1e-5)


@pytest.mark.parametrize("name", TERMS)
def test_term_ignores_a_shift_of_each_image_s_logits(name):
    loss, _ = TERMS[name]
    shifted = TEACHER + 100.0 * np.arange(6)[:, np.newaxis]
    np.testing.assert_allclose(loss(shifted), loss(TEACHER), rtol=1e-3)


@pytest.mark.parametrize("name", TERMS)
def test_loss_and_gradient_of_saturated_logits_are_finite(name):
    loss, _ = TERMS[name]
    logits = tf.Variable(1e4 * np.sign(TEACHER), dtype="float32")
    with tf.GradientTape() as tape:
        value = loss(logits)
    assert value.dtype == "float32" and np.isfinite(value)
    assert np.isfinite(tape.gradient(value, logits)).all()


def test_one_hot_loss_by_hand():
    np.testing.assert_allclose(
        losses.one_hot_loss(np.log([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])),
        -(math.log(0.5) + math.log(0.6)) / 2,
        rtol=1e-5,
    )


def test_activation_loss_is_minus_the_mean_absolute_feature():
    np.testing.assert_allclose(losses.activation_loss([[1.0, -3.0], [0.0, 2.0]]), -1.5)


def test_competition_lies_between_full_agreement_and_no_overlap():
    np.testing.assert_allclose(losses.competition_loss(TEACHER, TEACHER + 2.0), 1.0, rtol=1e-6)
    apart = np.array([[1e4, -1e4]])
    np.testing.assert_allclose(losses.competition_loss(apart, -apart), 1 - math.log(2), rtol=1e-6)


def test_a_gradient_step_on_competition_loss_separates_teacher_and_student():
    student = tf.Variable([[0.5, 0.0]])
    with tf.GradientTape() as tape:
        value = losses.competition_loss([[2.0, 0.0]], student)
    gradient = tape.gradient(value, student).numpy()
    assert gradient[0, 0] > 0 > gradient[0, 1]
