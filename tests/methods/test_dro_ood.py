"""Robust optimization on the OOD images: the worst of them count most."""

import numpy as np
import pytest

from mosaickd_tf.methods.dro_ood import RobustConfig
from tests.methods import harness
from tests.methods.harness import IMAGES, kl64


def divergences64(distiller, temperature):
    """Returns the divergence of each image before an update, times the squared temperature."""
    student_logits = distiller.student(IMAGES, training=True)
    return kl64(distiller.teacher(IMAGES), student_logits, temperature)


def test_the_loss_is_the_closed_form_of_the_worst_distribution():
    robust = harness.build("dro_ood", config=RobustConfig(robustness=0.2), temperature=2.0)
    divergences = divergences64(robust, 2.0)
    expected = 0.2 * np.log(np.mean(np.exp(divergences / 0.2)))
    loss = harness.minimized(robust, lambda: robust.update_student(IMAGES))
    assert loss == pytest.approx({"student": expected}, rel=1e-4)
    terms = harness.recorded(robust)
    assert terms["robust_loss"] == pytest.approx(expected, rel=1e-4)
    assert terms["distillation_loss"] == pytest.approx(divergences.mean(), rel=1e-4)


def test_the_robustness_is_a_price_of_the_divergence_times_the_squared_temperature():
    robust = harness.build("dro_ood", config=RobustConfig(robustness=1.0), temperature=5.0)
    nats = divergences64(robust, 5.0) / 25
    expected = np.log(np.mean(np.exp(nats / 0.04)))
    loss = harness.minimized(robust, lambda: robust.update_student(IMAGES))
    assert loss == pytest.approx({"student": expected}, rel=1e-4)


def test_a_round_changes_the_student_alone():
    robust = harness.build("dro_ood")
    moved = harness.changed(robust, lambda: harness.run_round(robust))
    assert moved == harness.all_of("student")


def test_of_a_large_robustness_it_is_plain_distillation():
    robust = harness.build("dro_ood", config=RobustConfig(robustness=1e4))
    expected = harness.fitted(harness.build("kd"), 3)["distillation_loss"]
    np.testing.assert_allclose(
        harness.fitted(robust, 3)["distillation_loss"], expected, rtol=1e-3, atol=1e-6
    )
