"""Hints through a regressor that is just large enough."""

import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.fitnet import HintConfig, build_regressors
from tests.methods import harness
from tests.methods.harness import IMAGES


def normalized64(maps, epsilon=1e-5):
    axes = (0, 1, 2)
    return (maps - maps.mean(axes)) / np.sqrt(maps.var(axes) + epsilon)


def test_the_loss_is_distillation_and_the_weighted_hint():
    fitnet = harness.build("fitnet", config=HintConfig(hint_weight=3.0), temperature=2.0)
    teacher_logits, (hints,) = fitnet.teacher_capture(IMAGES, training=False)
    student_logits, (features,) = fitnet.student_capture(IMAGES, training=True)
    kernel = fitnet.heads.get_layer("regressor0").kernel.numpy()
    assert kernel.shape == (1, 1, 4, 6)
    guided = normalized64(np.asarray(features, np.float64) @ kernel[0, 0])
    hint = np.mean((guided - np.asarray(hints)) ** 2)
    plain = harness.kl64(teacher_logits, student_logits, 2.0).mean()
    loss = harness.minimized(fitnet, lambda: fitnet.update_student(IMAGES))
    assert loss == pytest.approx({"student": plain + 3 * hint}, rel=1e-4)
    terms = harness.recorded(fitnet)
    assert terms == pytest.approx({"distillation_loss": plain, "hint_loss": hint}, rel=1e-4)


def test_hints_of_several_layers_add_up():
    names = ["stage1_relu", "stage2_conv"]
    fitnet = harness.build("fitnet", teacher_layers=names, student_layers=names)
    _, hints = fitnet.teacher_capture(IMAGES, training=False)
    _, features = fitnet.student_capture(IMAGES, training=True)
    pairs = zip(fitnet.heads(features, training=True), hints, strict=True)
    expected = sum(np.mean((np.asarray(a) - np.asarray(b)) ** 2) for a, b in pairs)
    fitnet.update_student(IMAGES)
    assert harness.recorded(fitnet)["hint_loss"] == pytest.approx(expected, rel=1e-4)


def test_a_round_changes_the_student_and_its_regressor():
    fitnet = harness.build("fitnet")
    moved = harness.changed(fitnet, lambda: harness.run_round(fitnet))
    heads = {("heads", "weights"), ("heads", "statistics")}  # of the student's optimizer
    assert moved == harness.all_of("student") | heads


def test_the_hint_falls():
    fitnet = harness.build("fitnet")
    values = [harness.run_round(fitnet)["hint_loss"] for _ in range(8)]
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
    regressors = build_regressors([student], [teacher])
    assert regressors.output_shape == (None, *teacher)
    assert regressors.get_layer("regressor0").kernel.shape == kernel


@pytest.mark.parametrize(
    ("student", "teacher"), [((8, 8, 3), (16,)), ((5,), (5,)), ((8, 4, 3), (4, 8, 3))]
)
def test_features_that_no_regressor_fits_are_refused(student, teacher):
    with pytest.raises(RequestError, match="Hints are feature maps") as caught:
        build_regressors([student], [teacher])
    assert str(teacher) in str(caught.value) and str(student) in str(caught.value)
