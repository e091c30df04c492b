"""All terms on logits against NumPy in float64, invariances, saturation and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from tests.losses import FAKE, REAL, STUDENT, TEACHER, close, gradients, kl64, softmax64

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


def sigmoid64(logits):
    return 1.0 / (1.0 + np.exp(-np.asarray(logits, np.float64)))


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
