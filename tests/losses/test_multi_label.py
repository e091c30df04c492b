"""Terms on independent labels against NumPy in float64, invariances, saturation and gradients."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from tests.losses import STUDENT, TEACHER, close, gradients

# One entry a term: the function of logits and the logits for it.
TERMS = {
    "distillation": (losses.multi_label_distillation_loss, (TEACHER, STUDENT)),
    "alignment": (losses.multi_label_alignment_loss, (TEACHER,)),
    "balance": (losses.multi_label_balance_loss, (TEACHER,)),
    "one_hot": (losses.multi_label_one_hot_loss, (TEACHER,)),
}
# The terms of exactly one label of two, by the same names.
SINGLE_LABEL = {
    "distillation": losses.distillation_loss,
    "alignment": losses.label_space_alignment_loss,
    "balance": losses.class_balance_loss,
    "one_hot": losses.one_hot_loss,
}


def sigmoid64(logits):
    return 1.0 / (1.0 + np.exp(-np.asarray(logits, np.float64)))


def divergences64(teacher_logits, student_logits, temperature=1.0):
    """Returns `temperature² · Σ KL` of the labels of each image, in probabilities."""
    p = sigmoid64(np.asarray(teacher_logits, np.float64) / temperature)
    q = sigmoid64(np.asarray(student_logits, np.float64) / temperature)
    terms = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return temperature**2 * terms.sum(axis=-1)


def entropies64(logits):
    """Returns the entropy of the labels of each image, in nats."""
    p = sigmoid64(logits)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=-1)


def balance64(logits):
    """Returns minus the entropy, in bits, of the labels' shares and that of no label."""
    p = sigmoid64(logits)
    outcomes = np.append(p.mean(axis=0), np.prod(1 - p, axis=-1).mean())
    shares = outcomes / outcomes.sum()
    return (shares * np.log2(shares)).sum()


def expected64(name):
    p = sigmoid64(TEACHER)
    return {
        "distillation": divergences64(TEACHER, STUDENT).mean(),
        "alignment": entropies64(TEACHER).mean(),
        "balance": balance64(TEACHER),
        "one_hot": -np.log(np.maximum(p, 1 - p)).sum(axis=-1).mean(),
    }[name]


@pytest.mark.parametrize("name", TERMS)
def test_term_equals_float64_numpy(name):
    loss, logits = TERMS[name]
    close(loss(*logits), expected64(name))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_divergences_of_each_image_equal_float64_numpy(temperature):
    found = losses.multi_label_divergences(TEACHER, STUDENT, temperature)
    assert found.shape == (6,) and found.dtype == tf.float32
    close(found, divergences64(TEACHER, STUDENT, temperature))
    mean = losses.multi_label_distillation_loss(TEACHER, STUDENT, temperature)
    close(mean, divergences64(TEACHER, STUDENT, temperature).mean())


def test_divergences_by_hand():
    teacher, student = np.log([[0.75 / 0.25, 0.5 / 0.5]]), np.zeros((1, 2))
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    close(losses.multi_label_divergences(teacher, student), [expected])


def test_a_high_temperature_compares_logits():
    """T² · KL tends to the squared differences of the logits over 8, label by label."""
    expected = ((TEACHER - STUDENT) ** 2 / 8).sum(axis=-1)
    found = losses.multi_label_divergences(TEACHER.astype("float32"), STUDENT, 100.0)
    close(found, expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("temperature", [1.0, 7.0])
def test_the_divergence_of_equal_logits_is_0_and_of_others_above(temperature):
    close(losses.multi_label_divergences(TEACHER, TEACHER, temperature), np.zeros(6))
    assert (np.asarray(losses.multi_label_divergences(TEACHER, STUDENT, temperature)) > 0).all()


@pytest.mark.parametrize("name", TERMS)
def test_a_single_label_equals_two_classes_with_logits_x_and_0(name):
    loss, logits = TERMS[name]
    single = [x[:, :1] for x in logits]
    two = [np.concatenate([x, np.zeros_like(x)], axis=-1) for x in single]
    close(loss(*single), SINGLE_LABEL[name](*two))


@pytest.mark.parametrize("name", [name for name in TERMS if name != "balance"])
def test_labels_add_up(name):
    loss, logits = TERMS[name]
    parts = [loss(*[x[:, i : i + 1] for x in logits]) for i in range(5)]
    close(loss(*logits), sum(parts))


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_term_is_a_float32_scalar_of_the_logits_whatever_their_dtype(name, dtype):
    loss, logits = TERMS[name]
    rounded = [tf.cast(x, dtype) for x in logits]
    value = loss(*rounded)
    assert value.dtype == tf.float32 and value.shape == ()
    close(value, loss(*[tf.cast(x, "float32") for x in rounded]))


@pytest.mark.parametrize("name", TERMS)
def test_term_is_a_mean_over_images_so_that_a_repeated_batch_costs_the_same(name):
    loss, logits = TERMS[name]
    close(loss(*[np.concatenate([x, x]) for x in logits]), loss(*logits))


@pytest.mark.parametrize("name", TERMS)
def test_term_ignores_the_order_of_images_and_labels(name):
    loss, logits = TERMS[name]
    close(loss(*[x[::-1][:, [3, 0, 4, 1, 2]].copy() for x in logits]), loss(*logits))


@pytest.mark.parametrize("name", [name for name in TERMS if name != "balance"])
def test_term_ignores_which_state_of_a_label_is_called_present(name):
    loss, logits = TERMS[name]
    signs = np.array([1, -1, 1, 1, -1])
    close(loss(*[x * signs for x in logits]), loss(*logits))


@pytest.mark.parametrize("name", TERMS)
def test_saturated_logits_give_finite_terms_and_gradients(name):
    loss, logits = TERMS[name]
    saturated = [1e4 * np.sign(x) for x in logits]
    assert np.isfinite(float(loss(*saturated)))
    for gradient in gradients(loss, *saturated):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", TERMS)
def test_gradient_equals_a_difference_quotient_in_float64(name):
    loss, logits = TERMS[name]
    logits = [x + 0.2 * np.sign(x) for x in logits]  # the likeliest labels stay the same
    direction = [np.random.RandomState(1).standard_normal(x.shape) for x in logits]
    found = sum((g * d).sum() for g, d in zip(gradients(loss, *logits), direction, strict=True))
    step = 1e-2
    ahead, behind = (
        float(loss(*[x + s * d for x, d in zip(logits, direction, strict=True)]))
        for s in (step, -step)
    )
    close(found, (ahead - behind) / (2 * step), rtol=1e-2, atol=1e-3)


def test_ranges_of_the_terms():
    even, sure = np.zeros((4, 5)), np.full((4, 5), 1e3)
    close(losses.multi_label_alignment_loss(even), 5 * math.log(2))
    close(losses.multi_label_alignment_loss(sure), 0.0)
    close(losses.multi_label_one_hot_loss(even), 5 * math.log(2))
    close(losses.multi_label_one_hot_loss(sure), 0.0)
    close(losses.multi_label_balance_loss(sure), -math.log2(5))  # all labels, never none
    close(losses.multi_label_balance_loss(-sure), 0.0)  # never any label
    one_each = np.where(np.eye(6, 5), 1e3, -1e3)  # the sixth image has none
    close(losses.multi_label_balance_loss(one_each), -math.log2(6))


# Gradient signs: a step against the gradient does what the term is for.


def test_distillation_moves_each_logit_of_the_student_towards_the_teacher_s():
    _, gradient = gradients(losses.multi_label_distillation_loss, TEACHER, STUDENT)
    assert (np.sign(gradient) == np.sign(STUDENT - TEACHER)).all()


@pytest.mark.parametrize(
    "loss", [losses.multi_label_alignment_loss, losses.multi_label_one_hot_loss]
)
def test_alignment_moves_each_logit_away_from_0(loss):
    (gradient,) = gradients(loss, TEACHER)
    assert (np.sign(gradient) == -np.sign(TEACHER)).all()


def test_balance_lowers_a_label_that_all_images_show_and_raises_one_that_none_shows():
    logits = np.tile([3.0, -3.0, -1.0], (4, 1))
    (gradient,) = gradients(losses.multi_label_balance_loss, logits)
    assert (gradient[:, 0] > 0).all() and (gradient[:, 1] < 0).all()
