"""Losses on features against hand values, NumPy in float64, invariances and their gradients."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from tests.losses import close

RNG = np.random.RandomState(5)
TEACHER = RNG.standard_normal((5, 7))
STUDENT = RNG.standard_normal((5, 3))
TERMS = [losses.distance_loss, losses.angle_loss]


def student_gradient(loss, teacher, student):
    """Returns the gradient with respect to the student's features."""
    student = tf.Variable(student, dtype=tf.float32)
    with tf.GradientTape() as tape:
        value = loss(teacher, student)
    return tape.gradient(value, student).numpy()


def huber64(error):
    return error**2 / 2 if abs(error) < 1 else abs(error) - 0.5


def distance64(teacher, student):
    """Loops over pairs as in the paper, with the mean instead of the sum."""
    relative = []
    for features in (teacher, student):
        distances = np.array([[math.dist(a, b) for b in features] for a in features])
        relative.append(distances / distances[distances > 0].mean())
    return np.mean([huber64(error) for error in (relative[0] - relative[1]).ravel()])


def angle64(teacher, student):
    """Loops over triplets; without an angle, of two equal images, the cosine counts as 0."""

    def cosine(features, i, j, k):
        a, b = features[j] - features[i], features[k] - features[i]
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        return a @ b / lengths if lengths else 0.0

    triplets = itertools.product(range(len(teacher)), repeat=3)
    return np.mean([huber64(cosine(teacher, *t) - cosine(student, *t)) for t in triplets])


# Hints


def test_the_hint_by_hand():
    close(losses.hint_loss([[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, -1.0]]), (1 + 4 + 1) / 4)


def test_the_hint_is_a_mean_over_everything():
    hints, guided = RNG.standard_normal((2, 3, 4, 4, 2))
    close(losses.hint_loss(hints, guided), ((hints - guided) ** 2).mean())
    close(losses.hint_loss(hints, hints), 0.0)


def test_the_hint_pulls_the_student_to_the_teacher_and_is_float32():
    gradient = student_gradient(losses.hint_loss, TEACHER, np.zeros_like(TEACHER))
    close(gradient, -2 * TEACHER / TEACHER.size)
    low = tf.constant(TEACHER, "bfloat16")
    assert losses.hint_loss(low, low).dtype == "float32"


# Relations


@pytest.mark.parametrize(
    "loss, expected", [(losses.distance_loss, distance64), (losses.angle_loss, angle64)]
)
def test_relations_against_numpy(loss, expected):
    close(loss(TEACHER, STUDENT), expected(TEACHER, STUDENT))
    twice = np.concatenate([STUDENT[:4], STUDENT[:1]])  # two images with the same features
    close(loss(TEACHER, twice), expected(TEACHER, twice))


def test_the_distance_by_hand():
    # Distances 1, 2, 3 are 1/2, 1, 3/2 of their mean; those of an even triangle are all 1.
    line = np.array([[0.0], [1.0], [3.0]])
    triangle = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
    close(losses.distance_loss(line, triangle), 2 * (0.125 + 0.125) / 9)


def test_the_angle_by_hand():
    # Three in a row against three in an even triangle. Of the 27 triplets 12 have j = k with an
    # angle of 0 on both sides, or no angle; the 6 others have cosines 1, 1, -1 against 1/2.
    line = np.array([[0.0], [1.0], [2.0]])
    triangle = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
    close(losses.angle_loss(line, triangle), (4 * 0.125 + 2 * 1.0) / 27)


@pytest.mark.parametrize("loss", TERMS)
def test_relations_are_invariant_to_scale_translation_and_rotation(loss):
    turn = np.linalg.qr(RNG.standard_normal((3, 3)))[0]
    close(loss(STUDENT, 4.0 * STUDENT @ turn + 2.0), 0.0)
    assert float(loss(TEACHER, STUDENT)) > 1e-3


@pytest.mark.parametrize("loss", TERMS)
def test_the_gradient_equals_a_difference_quotient(loss):
    reference = {losses.distance_loss: distance64, losses.angle_loss: angle64}[loss]
    gradient, numeric = student_gradient(loss, TEACHER, STUDENT), np.empty_like(STUDENT)
    for place in np.ndindex(STUDENT.shape):
        step = np.zeros_like(STUDENT)
        step[place] = 1e-5
        ends = [reference(TEACHER, STUDENT + sign * step) for sign in (1, -1)]
        numeric[place] = (ends[0] - ends[1]) / 2e-5
    close(gradient, numeric, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("loss", TERMS)
@pytest.mark.parametrize("student", [np.ones((5, 3)), np.zeros((5, 3))], ids=["equal", "zero"])
def test_equal_features_have_a_finite_gradient(loss, student):
    assert math.isfinite(float(loss(TEACHER, student)))
    assert np.isfinite(student_gradient(loss, TEACHER, student)).all()
    assert np.isfinite(student_gradient(loss, student, STUDENT)).all()
    partly = np.concatenate([student[:2], STUDENT[2:]])
    assert np.isfinite(student_gradient(loss, TEACHER, partly)).all()
    close(loss(student, student), 0.0)


@pytest.mark.parametrize("loss", TERMS)
def test_a_step_down_the_gradient_brings_the_student_closer(loss):
    gradient = student_gradient(loss, TEACHER, STUDENT)
    assert float(loss(TEACHER, STUDENT - 0.1 * gradient)) < float(loss(TEACHER, STUDENT))
