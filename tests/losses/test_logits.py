"""Each term against hand values, invariances, NumPy in float64, saturation and its gradient."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses

RNG = np.random.RandomState(7)
TEACHER = 3.0 * RNG.standard_normal((6, 5))
STUDENT = 3.0 * RNG.standard_normal((6, 5))
REAL = 2.0 * RNG.standard_normal((6, 3, 2, 1))
FAKE = 2.0 * RNG.standard_normal((6, 3, 2, 1))

# One entry a term: the function of logits and logits to give it.
TERMS = {
    "patch_discrimination_loss": (losses.patch_discrimination_loss, (REAL, FAKE)),
    "local_patch_loss": (losses.local_patch_loss, (FAKE,)),
    "label_space_alignment_loss": (losses.label_space_alignment_loss, (TEACHER,)),
    "adversarial_loss": (losses.adversarial_loss, (TEACHER, STUDENT)),
    "class_balance_loss": (losses.class_balance_loss, (TEACHER,)),
    "distillation_loss": (losses.distillation_loss, (TEACHER, STUDENT)),
}
CLASS_TERMS = [name for name in TERMS if "patch" not in name]


def close(received, expected, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(np.asarray(received), expected, rtol=rtol, atol=atol)


def gradients(loss, *logits):
    variables = [tf.Variable(x, dtype=tf.float32) for x in logits]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    return [g.numpy() for g in tape.gradient(value, variables)]


# An independent float64 implementation, in probabilities rather than in log space.


def softmax64(logits):
    exponentials = np.exp(np.asarray(logits, np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def sigmoid64(logits):
    return 1.0 / (1.0 + np.exp(-np.asarray(logits, np.float64)))


def kl64(teacher_logits, student_logits):
    p, q = softmax64(teacher_logits), softmax64(student_logits)
    return np.mean((p * np.log(p / q)).sum(axis=-1))


def expected64(name):
    p = softmax64(TEACHER)
    marginal = p.mean(axis=0)
    return {
        "patch_discrimination_loss": -(
            np.log(sigmoid64(REAL)).sum() + np.log(1.0 - sigmoid64(FAKE)).sum()
        )
        / (2 * len(REAL)),
        "local_patch_loss": -np.log(sigmoid64(FAKE)).sum() / len(FAKE),
        "label_space_alignment_loss": -(p * np.log(p)).sum() / len(p),
        "adversarial_loss": -kl64(TEACHER, STUDENT),
        "class_balance_loss": (marginal * np.log2(marginal)).sum(),
        "distillation_loss": kl64(TEACHER, STUDENT),
    }[name]


# All terms.


@pytest.mark.parametrize("name", TERMS)
def test_term_equals_float64_numpy(name):
    loss, logits = TERMS[name]
    close(loss(*logits), expected64(name))


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
def test_term_ignores_the_order_of_the_images(name):
    loss, logits = TERMS[name]
    close(loss(*[x[::-1].copy() for x in logits]), loss(*logits))


@pytest.mark.parametrize("name", CLASS_TERMS)
@pytest.mark.parametrize("shift", [-300.0, 0.5, 7.0])
def test_class_term_ignores_a_shift_of_each_image_s_logits(name, shift):
    loss, logits = TERMS[name]
    shifts = shift * np.arange(1, 7)[:, np.newaxis]
    close(loss(*[x + shifts for x in logits]), loss(*logits), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CLASS_TERMS)
def test_class_term_ignores_the_order_of_the_classes(name):
    loss, logits = TERMS[name]
    close(loss(*[x[:, [3, 0, 4, 1, 2]] for x in logits]), loss(*logits))


@pytest.mark.parametrize("name", TERMS)
def test_gradients_of_saturated_logits_are_finite(name):
    loss, logits = TERMS[name]
    for gradient in gradients(loss, *[1e4 * np.sign(x) for x in logits]):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", TERMS)
def test_gradient_equals_a_difference_quotient_in_float64(name):
    loss, logits = TERMS[name]
    direction = [np.random.RandomState(1).standard_normal(x.shape) for x in logits]
    found = sum((g * d).sum() for g, d in zip(gradients(loss, *logits), direction, strict=True))
    step = 1e-2
    ahead, behind = (
        float(loss(*[x + s * d for x, d in zip(logits, direction, strict=True)]))
        for s in (step, -step)
    )
    close(found, (ahead - behind) / (2 * step), rtol=1e-2, atol=1e-3)


# Patch discrimination.


def test_patch_discrimination_of_an_undecided_judge_is_ln2_for_each_patch():
    close(
        losses.patch_discrimination_loss(np.zeros((3, 2, 2, 1)), np.zeros((3, 2, 2, 1))),
        4 * math.log(2),
    )


def test_patch_discrimination_is_the_mean_of_its_two_sides():
    # sigmoid(ln 3) = 3/4: the real patch costs ln(4/3); the synthetic one, at 1/2, costs ln 2.
    value = losses.patch_discrimination_loss(np.full((1, 1), math.log(3)), np.zeros((1, 1)))
    close(value, 0.5 * (math.log(4 / 3) + math.log(2)))


def test_patch_discrimination_sums_patches_and_averages_images():
    real, fake = np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 1))
    value = losses.patch_discrimination_loss(real, fake)
    close(value, 16 * losses.patch_discrimination_loss(real[:, :1, :1], fake[:, :1, :1]))


def test_patch_discrimination_of_saturated_logits_is_zero_when_right_and_linear_when_wrong():
    ones = np.full((2, 3), 1e4)
    close(losses.patch_discrimination_loss(ones, -ones), 0.0)
    close(losses.patch_discrimination_loss(-ones, ones), 3e4)


def test_patch_discrimination_pushes_real_logits_up_and_synthetic_ones_down():
    real, fake = gradients(losses.patch_discrimination_loss, REAL, FAKE)
    assert (real < 0).all() and (fake > 0).all()


# Local patches.


def test_local_patch_loss_by_hand():
    # sigmoid(ln 3) = 3/4 on each of four patches of one image, 1/2 on those of the other.
    logits = np.stack([np.full((2, 2, 1), math.log(3)), np.zeros((2, 2, 1))])
    close(losses.local_patch_loss(logits), (4 * math.log(4 / 3) + 4 * math.log(2)) / 2)


def test_local_patch_loss_sums_patches_however_they_are_arranged():
    close(losses.local_patch_loss(FAKE.reshape(6, 6)), losses.local_patch_loss(FAKE))
    twice = np.concatenate([FAKE, FAKE], axis=1)
    close(losses.local_patch_loss(twice), 2 * losses.local_patch_loss(FAKE))


def test_local_patch_loss_of_saturated_logits():
    close(losses.local_patch_loss(np.full((2, 3), 1e4)), 0.0)
    close(losses.local_patch_loss(np.full((2, 3), -1e4)), 3e4)


def test_local_patch_loss_pushes_synthetic_logits_up():
    (gradient,) = gradients(losses.local_patch_loss, FAKE)
    assert (gradient < 0).all()


def test_local_patch_loss_and_the_judge_s_fake_side_want_the_opposite():
    (fooling,) = gradients(losses.local_patch_loss, np.zeros((1, 1)))
    _, judging = gradients(losses.patch_discrimination_loss, np.zeros((1, 1)), np.zeros((1, 1)))
    close(fooling, [[-0.5]])
    close(judging, [[0.25]])


# Label-space alignment.


def test_alignment_of_a_known_prediction_is_its_entropy_in_nats():
    # Entropy of (1/2, 1/4, 1/4) is 1.5 bits.
    logits = np.log([[0.5, 0.25, 0.25]])
    close(losses.label_space_alignment_loss(logits), 1.5 * math.log(2))


def test_alignment_of_uniform_predictions_is_the_log_of_the_classes():
    close(losses.label_space_alignment_loss(np.zeros((4, 7))), math.log(7))


def test_alignment_is_a_mean_of_entropies_not_the_entropy_of_the_mean():
    sure = np.array([[1e4, -1e4], [-1e4, 1e4]])
    close(losses.label_space_alignment_loss(sure), 0.0)


def test_alignment_of_saturated_logits():
    close(losses.label_space_alignment_loss(np.array([[1e4, 1e4, -1e4]])), math.log(2))


def test_alignment_pushes_the_likeliest_class_further_up():
    (gradient,) = gradients(losses.label_space_alignment_loss, np.array([[2.0, 0.0, -1.0]]))
    assert gradient[0, 0] < 0 < gradient[0, 1:].min()


# Adversarial.


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


# Class balance.


def test_balance_of_two_sure_and_different_images_is_minus_one_bit():
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


# Distillation.


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
    centred = [x - x.mean(axis=-1, keepdims=True) for x in (teacher, student)]
    for temperature in (1.0, 20.0):
        _, gradient = gradients(
            lambda t, s, temperature=temperature: losses.distillation_loss(t, s, temperature),
            teacher,
            student,
        )
        close(gradient, (centred[1] - centred[0]) / teacher.size, rtol=0.2, atol=1e-4)


def test_distillation_of_saturated_logits_is_the_gap_of_the_logits():
    teacher, student = np.array([[1e4, -1e4]]), np.array([[-1e4, 1e4]])
    close(losses.distillation_loss(teacher, student), 2e4)
    close(losses.distillation_loss(teacher, teacher), 0.0)


def test_distillation_pulls_the_student_to_the_teacher():
    # The gradient in the student's logits is (student - teacher probabilities) / batch.
    _, gradient = gradients(losses.distillation_loss, TEACHER, STUDENT)
    close(gradient, (softmax64(STUDENT) - softmax64(TEACHER)) / len(TEACHER), atol=1e-6)


# Divergences of single images, and their mean in the worst case.


def test_the_distillation_loss_is_the_mean_of_the_divergences():
    single = [4.0 * kl64(t[None] / 2, s[None] / 2) for t, s in zip(TEACHER, STUDENT, strict=True)]
    close(losses.divergences(TEACHER, STUDENT, 2.0), single)
    close(losses.distillation_loss(TEACHER, STUDENT, 2.0), np.mean(single))


def test_the_worst_case_mean_by_hand():
    # 2 · ln((e^0 + e^ln 3) / 2) = 2 ln 2.
    close(losses.worst_case_mean([0.0, 2 * math.log(3)], 2.0), 2 * math.log(2))


@pytest.mark.parametrize("robustness", [0.3, 1.0, 5.0])
def test_the_worst_case_mean_is_that_of_the_worst_distribution(robustness):
    """The supremum of the definition, over many distributions and at the one that attains it."""
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
