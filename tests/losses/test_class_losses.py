"""Class losses against hand values, saturation and gradient directions."""

import math

import numpy as np
import pytest

from mosaickd_tf import losses
from tests.losses import STUDENT, TEACHER, close, gradients, kl64, softmax64


def test_alignment_of_a_known_prediction_is_its_entropy_in_nats():
    # Entropy of (1/2, 1/4, 1/4) is 1.5 bits.
    logits = np.log([[0.5, 0.25, 0.25]])
    close(losses.label_space_alignment_loss(logits), 1.5 * math.log(2))


def test_alignment_of_uniform_predictions_is_the_log_of_the_classes():
    close(losses.label_space_alignment_loss(np.zeros((4, 7))), math.log(7))


def test_alignment_is_a_mean_of_entropies_not_the_entropy_of_the_mean():
    confident = np.array([[1e4, -1e4], [-1e4, 1e4]])
    close(losses.label_space_alignment_loss(confident), 0.0)


def test_alignment_of_saturated_logits():
    close(losses.label_space_alignment_loss(np.array([[1e4, 1e4, -1e4]])), math.log(2))


def test_alignment_pushes_the_most_probable_class_further_up():
    (gradient,) = gradients(losses.label_space_alignment_loss, np.array([[2.0, 0.0, -1.0]]))
    assert gradient[0, 0] < 0 < gradient[0, 1:].min()


def test_adversarial_loss_by_hand():
    # KL((1/2, 1/2) ‖ (1/4, 3/4)) = ln(4/3) / 2.
    value = losses.adversarial_loss(np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]]))
    close(value, -0.5 * math.log(4 / 3))


def test_adversarial_loss_is_at_most_zero_and_zero_where_student_and_teacher_agree():
    close(losses.adversarial_loss(TEACHER, TEACHER + 3.0), 0.0)
    assert float(losses.adversarial_loss(TEACHER, STUDENT)) < -0.1


def test_adversarial_loss_of_saturated_logits_is_the_gap_of_the_logits():
    teacher, student = np.array([[1e4, -1e4]]), np.array([[-1e4, 1e4]])
    close(losses.adversarial_loss(teacher, student), -2e4)
    close(losses.adversarial_loss(teacher, teacher), 0.0)


def test_adversarial_loss_pushes_the_student_away_from_the_teacher():
    _, student = gradients(losses.adversarial_loss, np.array([[2.0, 0.0]]), np.zeros((1, 2)))
    assert student[0, 0] > 0 > student[0, 1]


def test_balance_of_two_confident_and_different_images_is_minus_one_bit():
    close(losses.class_balance_loss(np.array([[50.0, -50.0], [-50.0, 50.0]])), -1.0)


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_balance_of_uniform_predictions_is_minus_log2_of_the_classes(classes):
    close(losses.class_balance_loss(np.zeros((4, classes))), -math.log2(classes))


def test_balance_is_in_bits_and_alignment_in_nats():
    logits = np.log([[0.7, 0.2, 0.1]])
    # Of a single image the marginal is the prediction itself.
    bits = -losses.class_balance_loss(logits)
    close(losses.label_space_alignment_loss(logits), math.log(2) * bits)


def test_balance_of_saturated_logits_is_zero_when_all_images_are_of_one_class():
    close(losses.class_balance_loss(np.tile([[1e4, -1e4, -1e4]], (4, 1))), 0.0)
    half = np.array([[1e4, -1e4, -1e4], [-1e4, 1e4, -1e4]])
    close(losses.class_balance_loss(half), -1.0)


def test_balance_pushes_down_the_class_that_the_batch_prefers():
    logits = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    (gradient,) = gradients(losses.class_balance_loss, logits)
    assert (gradient[:, 0] > 0).all() and (gradient[:, 1] < 0).all()


def test_distillation_loss_by_hand():
    value = losses.distillation_loss(np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]]))
    close(value, 0.5 * math.log(4 / 3))


def test_distillation_is_from_teacher_to_student_not_the_other_way():
    # KL((1/4, 3/4) ‖ (1/2, 1/2)) = ln 2 - H(1/4, 3/4), which is not KL the other way.
    value = losses.distillation_loss(np.log([[0.25, 0.75]]), np.log([[0.5, 0.5]]))
    close(value, 0.25 * math.log(1 / 2) + 0.75 * math.log(3 / 2))


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_distillation_scales_with_the_square_of_the_temperature_that_softens_both(temperature):
    value = losses.distillation_loss(temperature * TEACHER, temperature * STUDENT, temperature)
    close(value, temperature**2 * kl64(TEACHER, STUDENT))


def test_temperature_keeps_the_scale_of_the_gradient():
    # For small logits the gradient is (student - teacher) / (classes · batch) at any temperature.
    teacher, student = 1e-2 * TEACHER, 1e-2 * STUDENT
    centered = [x - x.mean(axis=-1, keepdims=True) for x in (teacher, student)]
    for temperature in (1.0, 20.0):
        _, gradient = gradients(
            lambda t, s, temperature=temperature: losses.distillation_loss(t, s, temperature),
            teacher,
            student,
        )
        close(gradient, (centered[1] - centered[0]) / teacher.size, rtol=0.2, atol=1e-4)


def test_distillation_of_saturated_logits_is_the_gap_of_the_logits():
    teacher, student = np.array([[1e4, -1e4]]), np.array([[-1e4, 1e4]])
    close(losses.distillation_loss(teacher, student), 2e4)
    close(losses.distillation_loss(teacher, teacher), 0.0)


def test_distillation_pulls_the_student_to_the_teacher():
    # The gradient in the student's logits is (student - teacher probabilities) / batch.
    _, gradient = gradients(losses.distillation_loss, TEACHER, STUDENT)
    close(gradient, (softmax64(STUDENT) - softmax64(TEACHER)) / len(TEACHER), atol=1e-6)


def test_the_distillation_loss_is_the_mean_of_the_divergences():
    single = [4.0 * kl64(t[None] / 2, s[None] / 2) for t, s in zip(TEACHER, STUDENT, strict=True)]
    close(losses.divergences(TEACHER, STUDENT, 2.0), single)
    close(losses.distillation_loss(TEACHER, STUDENT, 2.0), np.mean(single))


def test_the_worst_case_mean_by_hand():
    # 2 · ln((e^0 + e^ln 3) / 2) = 2 ln 2.
    close(losses.worst_case_mean([0.0, 2 * math.log(3)], 2.0), 2 * math.log(2))


@pytest.mark.parametrize("robustness", [0.3, 1.0, 5.0])
def test_the_worst_case_mean_is_that_of_the_worst_distribution(robustness):
    """Compares with the supremum over many distributions and at the one that attains it."""
    values = np.array([0.2, 1.5, 0.9, 0.1])

    def objective(weights):
        return weights @ values - robustness * (weights * np.log(weights * 4)).sum()

    received = float(losses.worst_case_mean(values, robustness))
    close(received, objective(softmax64(values / robustness)))
    others = np.random.RandomState(0).dirichlet(np.ones(4), size=500)
    assert max(map(objective, others)) <= received + 1e-6


def test_the_worst_case_mean_lies_between_the_mean_and_the_largest():
    values = [0.2, 1.5, 0.9]
    close(losses.worst_case_mean(values, 1e3), np.mean(values), atol=1e-3)
    close(losses.worst_case_mean(values, 1e-3), 1.5, atol=2e-3)
    close(losses.worst_case_mean([1e5, 0.0], 1.0), 1e5)


def test_the_worst_case_mean_weighs_images_by_their_exponentials():
    (gradient,) = gradients(lambda x: losses.worst_case_mean(x, 0.5), np.array([0.2, 1.5, 0.9]))
    close(gradient, softmax64(np.array([0.2, 1.5, 0.9]) / 0.5))
