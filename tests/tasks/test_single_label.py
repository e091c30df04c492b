"""One label an image: losses of softmax, argmax and metrics against independent answers."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from mosaickd_tf import losses
from mosaickd_tf.tasks import SingleLabel
from mosaickd_tf.tasks.metrics import top_k_accuracy
from tests.losses import STUDENT, TEACHER, softmax64

TASK = SingleLabel()
RNG = np.random.RandomState(6)
LOGITS = 2.0 * RNG.standard_normal((50, 8))
LABELS = RNG.randint(0, 8, 50)


@pytest.mark.parametrize(
    "name",
    ["label_space_alignment_loss", "class_balance_loss", "one_hot_loss"],
)
def test_terms_of_the_teacher_are_those_of_a_softmax(name):
    assert float(getattr(TASK, name)(TEACHER)) == float(getattr(losses, name)(TEACHER))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_distillation_is_that_of_a_softmax(temperature):
    found = TASK.distillation_loss(TEACHER, STUDENT, temperature)
    assert float(found) == float(losses.distillation_loss(TEACHER, STUDENT, temperature))
    found = TASK.divergences(TEACHER, STUDENT, temperature)
    np.testing.assert_array_equal(found, losses.divergences(TEACHER, STUDENT, temperature))
    assert float(TASK.adversarial_loss(TEACHER, STUDENT)) == float(
        losses.adversarial_loss(TEACHER, STUDENT)
    )


def test_the_supervised_loss_is_the_cross_entropy_of_the_logits():
    labels = np.array([0, 4, 2, 2, 1, 3])
    expected = -np.log(softmax64(TEACHER)[np.arange(6), labels]).mean()
    np.testing.assert_allclose(TASK.supervised_loss()(labels, TEACHER), expected, rtol=1e-5)


def test_predictions_are_the_highest_logits():
    logits = np.array([[0.1, 0.9, 0.2], [3.0, -1.0, 2.0]])
    assert TASK.predictions(logits).tolist() == [1, 0]
    assert TASK.likeliest(logits).numpy().tolist() == [1, 0]
    assert TASK.count_labels(TASK.predictions(logits), 3) == [1, 1, 0]


def test_metrics_equal_those_of_scikit_learn():
    found = TASK.metrics(LOGITS, LABELS)
    assert set(found) == {"accuracy", "top5_accuracy"}
    assert found["accuracy"] == pytest.approx(accuracy_score(LABELS, LOGITS.argmax(-1)))
    expected = top_k_accuracy_score(LABELS, LOGITS, k=5, labels=range(8))
    assert found["top5_accuracy"] == pytest.approx(expected)


def test_of_fewer_classes_than_five_every_label_is_among_the_best():
    assert top_k_accuracy(LOGITS[:, :3], LABELS % 3, k=5) == 1.0


def test_equal_logits_are_ranked_in_order_of_their_classes():
    equal = np.zeros((1, 8))
    assert [top_k_accuracy(equal, [c], k=5) for c in range(8)] == [1.0] * 5 + [0.0] * 3


def test_accuracies_of_classes_by_hand():
    logits = np.eye(4)[[0, 1, 1, 2]]
    assert TASK.per_label_accuracy(logits, np.array([0, 0, 1, 1])) == [0.5, 0.5, None, None]


def test_diversity_by_hand():
    """Of four predictions one is outside of the most frequent class, of the other model's two."""
    one, two = np.eye(3)[[0, 0, 0, 1]], np.eye(3)[[0, 0, 1, 2]]
    assert TASK.prediction_diversity(one, two) == 0.5
    assert TASK.agreement(one, two) == 0.5


def test_entropies_equal_those_of_probabilities():
    p = softmax64(LOGITS)
    np.testing.assert_allclose(TASK.entropy(LOGITS), -(p * np.log(p)).sum(-1), rtol=1e-9)
    np.testing.assert_allclose(TASK.entropy(np.zeros((2, 8))), np.log(8))


@pytest.mark.parametrize(
    "outputs, expected",
    [
        ([[0.25, 0.75], [1.0, 0.0]], True),
        ([[0.25, 0.7505]], True),  # of few bits
        ([[0.25, 0.8]], False),
        ([[1.5, -0.5]], False),
    ],
)
def test_probabilities_are_positive_and_sum_to_1(outputs, expected):
    assert TASK.looks_like_probabilities(np.array(outputs)) is expected
