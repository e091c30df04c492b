"""Hints through a regressor that is just large enough."""

import numpy as np
import pytest

from mosaickd_tf.config import BaselineTerms, DistillConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import HintDistiller
from mosaickd_tf.methods.fitnet import build_regressors
from tests.methods import staged


def normalised(maps, epsilon=1e-5):
    axes = (0, 1, 2)
    return (maps - maps.mean(axes)) / np.sqrt(maps.var(axes) + epsilon)


def test_the_loss_is_distillation_and_the_weighted_hint():
    made = staged.distiller("fitnet", weight=3.0, temperature=2.0)
    teacher, student = staged.seen(made)
    kernel = made.heads.get_layer("regressor0").kernel.numpy()
    assert kernel.shape == (1, 1, 4, 6)
    guided = normalised(np.asarray(student.features[0], np.float64) @ kernel[0, 0])
    hint = np.mean((guided - np.asarray(teacher.features[0])) ** 2)
    plain = staged.kl64(teacher.logits, student.logits, 2.0).mean()
    assert float(made.student_loss(teacher, student)) == pytest.approx(plain + 3 * hint, rel=1e-4)
    terms = {name: float(tracker.result()) for name, tracker in made.trackers.items()}
    assert terms == pytest.approx({"distillation_loss": plain, "hint_loss": hint}, rel=1e-4)


def test_hints_of_several_layers_add_up():
    names = ["stage1_relu", "stage2_conv"]
    made = staged.distiller("fitnet", teacher_layers=names, student_layers=names)
    teacher, student = staged.seen(made)
    hints = [
        np.mean((np.asarray(guided) - np.asarray(hint)) ** 2)
        for guided, hint in zip(
            made.heads(student.features, training=True), teacher.features, strict=True
        )
    ]
    made.student_loss(teacher, student)
    assert float(made.trackers["hint_loss"].result()) == pytest.approx(sum(hints), rel=1e-4)


def test_a_round_moves_the_student_and_its_regressor():
    made = staged.distiller("fitnet")
    moved = staged.what_moves(made, lambda: staged.play(made))
    assert moved == {"student", "heads", "student_optimizer"}


def test_the_hint_falls():
    made = staged.distiller("fitnet")
    values = [staged.play(made)["hint_loss"] for _ in range(8)]
    assert values[-1] < 0.8 * values[0]


@pytest.mark.parametrize(
    ("student", "teacher", "kernel"),
    [
        ((8, 8, 3), (8, 8, 5), (1, 1, 3, 5)),
        ((9, 8, 3), (4, 4, 5), (6, 5, 3, 5)),
        ((4, 4, 3), (6, 4, 5), (3, 1, 5, 3)),  # transposed
    ],
)
def test_a_regressor_gives_the_teachers_shape(student, teacher, kernel):
    made = build_regressors([student], [teacher])
    assert made.output_shape == (None, *teacher)
    assert made.get_layer("regressor0").kernel.shape == kernel


@pytest.mark.parametrize(
    ("student", "teacher"), [((8, 8, 3), (16,)), ((5,), (5,)), ((8, 4, 3), (4, 8, 3))]
)
def test_features_that_no_regressor_fits_are_refused(student, teacher):
    with pytest.raises(RequestError, match="Hints are feature maps") as caught:
        build_regressors([student], [teacher])
    assert str(teacher) in str(caught.value) and str(student) in str(caught.value)


def test_the_config_says_the_weight():
    asked = DistillConfig(baselines=BaselineTerms(fitnet_hint_weight=7.0))
    assert HintDistiller.options(asked)["weight"] == 7.0
