"""Methods with a teacher of independent labels; the others are refused."""

import numpy as np
import pytest

from mosaickd_tf.config import DistillConfig, declared
from mosaickd_tf.config.data import TASKS
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS
from mosaickd_tf.tasks import MultiLabel, SingleLabel
from tests.losses.test_multi_label import divergences64, entropies64
from tests.methods import harness

LISTED = [name for name, x in declared.methods().items() if "multi_label" in x.tasks]
OTHERS = [name for name in METHODS if name not in LISTED]


@pytest.mark.parametrize("num_outputs", [5, 1])  # 1: a single sigmoid unit
@pytest.mark.parametrize("name", LISTED)
def test_a_round_trains_the_student_and_all_terms_are_finite(name, num_outputs):
    distiller = harness.build(name, task=MultiLabel(), num_outputs=num_outputs)
    terms = {}
    trained = harness.trained(distiller, lambda: terms.update(harness.run_round(distiller)))
    assert trained == set(distiller.networks)
    assert list(terms) == [term.name for term in METHODS[name].method.terms]
    assert np.isfinite(list(terms.values())).all()
    assert terms["distillation_loss"] > 0


@pytest.mark.parametrize("name", LISTED)
def test_the_student_minimizes_the_divergence_of_independent_labels(name):
    distiller = harness.build(name, task=MultiLabel(), temperature=2.0)
    student_logits = distiller.student(harness.IMAGES, training=True)
    expected = divergences64(distiller.teacher(harness.IMAGES), student_logits, 2.0).mean()
    arguments = {"index": np.array([1, 8, 3, 0], "int32"), "k": 0} if name == "crd" else {}
    distiller.update_student(harness.IMAGES, **arguments)
    assert harness.recorded(distiller)["distillation_loss"] == pytest.approx(expected, rel=1e-4)


def test_the_generator_s_terms_are_those_of_independent_labels():
    mosaic = harness.build("mosaic", task=MultiLabel())
    student_logits = mosaic.student(harness.IMAGES, training=True)
    teacher_logits = mosaic.teacher(harness.IMAGES)
    mosaic.generator_loss(harness.IMAGES)
    terms = harness.recorded(mosaic)
    adversarial = -divergences64(teacher_logits, student_logits).mean()
    assert terms["adversarial_loss"] == pytest.approx(adversarial, rel=1e-4)
    alignment = entropies64(teacher_logits).mean()
    assert terms["label_space_alignment_loss"] == pytest.approx(alignment, rel=1e-4)


def test_the_loss_falls_over_rounds_on_the_same_images():
    kd = harness.build("kd", task=MultiLabel())
    values = [harness.run_round(kd)["distillation_loss"] for _ in range(6)]
    assert values[-1] < 0.8 * values[0]


@pytest.mark.parametrize("name", OTHERS)
def test_a_method_that_does_not_list_the_task_is_refused_in_one_line(name):
    arguments = harness.REQUIRED.get(name, {})
    with pytest.raises(RequestError) as caught:
        METHODS[name](**harness.networks(name, plain=False), task=MultiLabel(), **arguments)
    assert str(caught.value) == (
        f"`method` {name} does not support this task. Expected one of: single_label. Received: "
        "multi_label. Use another method"
    )


def test_methods_of_both_kinds_exist_and_tasks_are_those_of_the_flag():
    assert OTHERS == ["balanced", "deep_inversion", "sskd"]
    for method in declared.methods().values():
        assert set(method.tasks) <= set(TASKS) and "single_label" in method.tasks


def test_without_a_task_labels_exclude_each_other():
    assert isinstance(harness.build("kd").task, SingleLabel)
    assert DistillConfig().data.task == "auto"
