"""Robust optimisation on the OOD images: the worst of them count most."""

import numpy as np
import pytest

from mosaickd_tf.config import BaselineTerms, DistillConfig
from mosaickd_tf.methods import RobustDistiller
from tests.methods import staged


def test_the_loss_is_the_closed_form_of_the_worst_distribution():
    made = staged.distiller("dro_ood", robustness=0.2, temperature=2.0)
    teacher, student = staged.seen(made)
    divergences = staged.kl64(teacher.logits, student.logits, 2.0)
    expected = 0.2 * np.log(np.mean(np.exp(divergences / 0.2)))
    assert float(made.student_loss(teacher, student)) == pytest.approx(expected, rel=1e-4)
    terms = {name: float(tracker.result()) for name, tracker in made.trackers.items()}
    assert terms["robust_loss"] == pytest.approx(expected, rel=1e-4)
    assert terms["distillation_loss"] == pytest.approx(divergences.mean(), rel=1e-4)


def test_the_robustness_is_a_price_of_the_divergence_times_the_squared_temperature():
    made = staged.distiller("dro_ood", robustness=1.0, temperature=5.0)
    teacher, student = staged.seen(made)
    nats = staged.kl64(teacher.logits, student.logits, 5.0) / 25
    expected = np.log(np.mean(np.exp(nats / 0.04)))
    assert float(made.student_loss(teacher, student)) == pytest.approx(expected, rel=1e-4)


def test_a_round_moves_the_student_alone():
    made = staged.distiller("dro_ood")
    moved = staged.what_moves(made, lambda: staged.play(made))
    assert moved == {"student", "student_optimizer"}


def test_of_a_large_robustness_it_is_plain_distillation():
    robust, plain = staged.distiller("dro_ood", robustness=1e4), staged.distiller("kd")
    expected = staged.fitted(plain, 3)["distillation_loss"]
    np.testing.assert_allclose(
        staged.fitted(robust, 3)["distillation_loss"], expected, rtol=1e-3, atol=1e-6
    )


def test_the_config_says_how_robust():
    asked = DistillConfig(baselines=BaselineTerms(dro_ood_robustness=0.3))
    assert RobustDistiller.options(asked)["robustness"] == 0.3
