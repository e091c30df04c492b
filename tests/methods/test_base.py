"""The base of all methods: a frozen teacher, means, rounds, evaluation, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config.method import Method
from mosaickd_tf.config.terms import DISTILLATION
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import KnowledgeDistiller
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.models.graph.activations import normalizations
from mosaickd_tf.models.graph.inference import inference_copy
from mosaickd_tf.tasks import MultiLabel
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny

IMAGES = np.random.RandomState(9).uniform(size=(8, 8, 8, 3)).astype("float32")


@pytest.fixture
def pair():
    """A teacher and a student of 5 classes, of other weights each."""
    networks = tiny.plain_networks()
    return {name: networks[name] for name in ("teacher", "student")}


@pytest.fixture
def distiller(pair):
    distiller = KnowledgeDistiller(**pair, temperature=2.0, seed=7)
    distiller.compile(student_optimizer=MomentumSGD(0.1))
    return distiller


def test_the_teacher_is_frozen_and_the_student_is_not(pair):
    distiller = KnowledgeDistiller(**pair)
    assert distiller.teacher.trainable_variables == []
    assert distiller.trainable_variables == distiller.student.trainable_variables


def test_the_teacher_runs_without_its_dropout(pair):
    inputs = keras.Input((8, 8, 3))
    dropped = keras.layers.Dropout(0.9)(inputs)
    distiller = KnowledgeDistiller(
        teacher=keras.Model(inputs, pair["teacher"](dropped)), student=pair["student"]
    )
    distiller.compile(student_optimizer=MomentumSGD(0.0))  # the student stays, so the loss does
    reports = []
    for _ in range(3):
        distiller.reset_metrics()
        distiller.update_student(IMAGES)
        reports.append(float(distiller.term_means["distillation_loss"].result()))
    assert reports == pytest.approx([reports[0]] * 3, rel=1e-5)


def test_the_teacher_is_the_network_that_was_given(distiller, pair):
    distiller.make_train_function()
    assert distiller.teacher is pair["teacher"] and normalizations(distiller.teacher)


def test_a_round_follows_new_weights_of_the_teacher(distiller, pair):
    """A distiller holds no copy of its teacher, compiled or not."""
    distiller.make_train_function()
    losses = []
    for factor in (1.0, 3.0):
        weights = [factor * array for array in pair["teacher"].get_weights()]
        pair["teacher"].set_weights(weights)
        distiller.reset_metrics()
        expected = KnowledgeDistiller(**pair, temperature=2.0)
        loss = expected.task.distillation_loss(
            pair["teacher"](IMAGES), pair["student"](IMAGES, training=True), 2.0
        )
        tf.function(distiller.update_student, autograph=False)(IMAGES)
        losses.append(float(distiller.term_means["distillation_loss"].result()))
        assert losses[-1] == pytest.approx(float(loss), rel=1e-5)
    assert losses[0] != pytest.approx(losses[1], rel=1e-2)


def test_an_inference_copy_of_the_teacher_gives_about_the_same_round(pair):
    folded = inference_copy(pair["teacher"])
    assert not normalizations(folded)
    np.testing.assert_allclose(folded(IMAGES), pair["teacher"](IMAGES), rtol=1e-4, atol=1e-5)
    losses = []
    for teacher in (pair["teacher"], folded):
        distiller = KnowledgeDistiller(teacher=teacher, student=pair["student"])
        distiller.compile(student_optimizer=MomentumSGD(0.0))
        distiller.update_student(IMAGES)
        losses.append(float(distiller.term_means["distillation_loss"].result()))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_recorded_terms_are_means_since_the_last_reset(distiller):
    for value in (1.0, 2.0, 6.0):
        assert distiller.record("distillation_loss", value) == value
    assert float(distiller.end_round()["distillation_loss"]) == 3.0
    distiller.reset_metrics()
    distiller.record("distillation_loss", 5.0)
    assert float(distiller.end_round()["distillation_loss"]) == 5.0


def test_a_tracked_term_is_reported_with_the_declared_ones(distiller):
    distiller.track("statistics_loss")
    distiller.record("statistics_loss", 4.0)
    assert {name: float(x) for name, x in distiller.end_round().items()} == {
        "distillation_loss": 0.0,
        "statistics_loss": 4.0,
    }
    assert "statistics_loss" in distiller.state()["means"]


def test_rounds_are_counted_and_seeds_are_of_the_round_and_the_purpose(distiller):
    assert distiller.stateless_seed(3).numpy().tolist() == [7, 3]
    distiller.end_round()
    distiller.end_round()
    assert int(distiller.rounds_completed) == 2
    assert distiller.stateless_seed(3).numpy().tolist() == [7, 2003]


def test_the_count_of_rounds_is_no_weight_to_learn(distiller):
    assert all(distiller.rounds_completed is not v for v in distiller.trainable_variables)


def test_prediction_with_a_distiller_is_prediction_with_its_student(distiller):
    np.testing.assert_array_equal(distiller(IMAGES), distiller.student(IMAGES, training=False))


def test_evaluation_compares_the_student_with_labels_and_with_the_teacher(distiller):
    student = np.argmax(distiller.student(IMAGES, training=False), axis=-1)
    teacher = np.argmax(distiller.teacher(IMAGES, training=False), axis=-1)
    labels = np.where(np.arange(8) < 3, student, (student + 1) % 5)
    results = distiller.evaluate(IMAGES, labels, batch_size=5, verbose=0, return_dict=True)
    assert results["accuracy"] == pytest.approx(3 / 8)
    assert results["agreement"] == pytest.approx(np.mean(student == teacher))


def test_evaluation_of_several_labels_counts_single_labels(pair):
    distiller = KnowledgeDistiller(**pair, task=MultiLabel())
    distiller.compile()
    student, teacher = (pair[x](IMAGES, training=False).numpy() > 0 for x in ("student", "teacher"))
    labels = student.copy()
    labels[:3, 1] ^= True
    results = distiller.evaluate(
        IMAGES, labels.astype("float32"), batch_size=5, verbose=0, return_dict=True
    )
    assert results["accuracy"] == pytest.approx(37 / 40)
    assert results["agreement"] == pytest.approx(np.mean(student == teacher))


def test_a_student_with_the_teacher_s_weights_agrees_with_it_everywhere(distiller):
    distiller.student.set_weights(distiller.teacher.get_weights())
    results = distiller.test_step((IMAGES, np.zeros(8)))
    assert float(results["agreement"]) == 1.0


def test_evaluation_moves_nothing(distiller):
    before = tiny.values(distiller.student) + tiny.values(distiller.teacher)
    distiller.evaluate(IMAGES, np.zeros(8), verbose=0)
    assert tiny.same_bits(before, tiny.values(distiller.student) + tiny.values(distiller.teacher))


class Unfinished(Distiller):
    """A method without a round."""

    method = Method(name="unfinished", distiller="Unfinished", source="", terms=(DISTILLATION,))


def test_a_method_without_a_round_is_reported_by_name(pair):
    with pytest.raises(NotImplementedError, match="Unfinished does not define a round"):
        Unfinished(**pair).train_step(tiny.batch())


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(pair, temperature):
    with pytest.raises(RequestError, match=f"positive.*Received: {temperature}"):
        KnowledgeDistiller(**pair, temperature=temperature)


@pytest.mark.parametrize(
    ("other", "side"),
    [({"num_classes": 9}, "output"), ({"input_shape": (12, 12, 3)}, "input"),
     ({"input_shape": (8, 8, 1)}, "input")],
)  # fmt: skip
def test_a_teacher_and_a_student_of_other_shapes_are_refused(other, side):
    with pytest.raises(RequestError, match=f"same {side} shape") as caught:
        KnowledgeDistiller(teacher=tiny.classifier(), student=tiny.classifier(**other))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_a_network_without_variables_yet_is_refused_by_its_name(pair, name):
    unbuilt = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5)])
    with pytest.raises(RequestError, match=f"must be built.*a {name} that"):
        KnowledgeDistiller(**(pair | {name: unbuilt}))
