"""Any number of labels an image: thresholds and metrics against independent answers."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, hamming_loss, log_loss

from mosaickd_tf import losses
from mosaickd_tf.tasks import MultiLabel
from mosaickd_tf.tasks.multi_label import average_precision
from tests.losses import STUDENT, TEACHER
from tests.losses.test_multi_label import entropies64, sigmoid64

TASK = MultiLabel()
RNG = np.random.RandomState(6)
LOGITS = 2.0 * RNG.standard_normal((50, 4))
LABELS = (LOGITS + 2.0 * RNG.standard_normal((50, 4)) > 0.5).astype("uint8")


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("label_space_alignment_loss", losses.multi_label_alignment_loss),
        ("class_balance_loss", losses.multi_label_balance_loss),
        ("one_hot_loss", losses.multi_label_one_hot_loss),
    ],
)
def test_terms_of_the_teacher_are_those_of_independent_labels(name, loss):
    assert float(getattr(TASK, name)(TEACHER)) == float(loss(TEACHER))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_distillation_is_that_of_independent_labels(temperature):
    found = TASK.distillation_loss(TEACHER, STUDENT, temperature)
    assert float(found) == float(
        losses.multi_label_distillation_loss(TEACHER, STUDENT, temperature)
    )
    np.testing.assert_array_equal(
        TASK.divergences(TEACHER, STUDENT, temperature),
        losses.multi_label_divergences(TEACHER, STUDENT, temperature),
    )


def test_the_supervised_loss_is_the_mean_cross_entropy_of_labels():
    expected = np.mean([log_loss(LABELS[:, i], sigmoid64(LOGITS[:, i])) for i in range(4)])
    found = TASK.supervised_loss()(LABELS.astype("float32"), LOGITS.astype("float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_predictions_are_the_positive_logits_or_the_probabilities_above_one_half():
    logits = np.array([[-1.0, 0.0, 2.0]])
    assert TASK.predictions(logits).tolist() == [[0, 0, 1]]
    assert TASK.predictions(logits).dtype == np.uint8
    assert TASK.predictions(sigmoid64(logits), "probabilities").tolist() == [[0, 0, 1]]
    predictions = TASK.predictions(np.array([[1.0, -1.0, 2.0], [3.0, -1.0, -2.0]]))
    assert TASK.count_labels(predictions, 3) == [2, 0, 1]


def test_metrics_equal_those_of_scikit_learn():
    found = TASK.metrics(LOGITS, LABELS)
    predicted = (LOGITS > 0).astype("uint8")
    assert found == {
        "accuracy": pytest.approx(1 - hamming_loss(LABELS, predicted)),
        "top5_accuracy": None,
        "exact_match": pytest.approx(accuracy_score(LABELS, predicted)),  # of whole rows
        "mean_average_precision": pytest.approx(
            average_precision_score(LABELS, LOGITS, average="macro")
        ),
    }
    assert TASK.per_label_accuracy(LOGITS, LABELS) == [
        pytest.approx(accuracy_score(LABELS[:, i], predicted[:, i])) for i in range(4)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_with_equal_scores_equals_that_of_scikit_learn(seed):
    rng = np.random.RandomState(seed)
    scores, labels = rng.randint(0, 4, 30).astype("float32"), rng.randint(0, 2, 30)
    expected = average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected)


def test_average_precision_by_hand():
    """Ranks 1 and 3 are right: (1/1 + 2/3) / 2."""
    found = average_precision(np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0]))
    assert found == pytest.approx(5 / 6)
    assert average_precision(np.zeros(3), np.array([1, 0, 0])) == pytest.approx(1 / 3)
    assert average_precision(np.zeros(3), np.zeros(3)) is None


def test_labels_without_images_do_not_count_for_the_mean_average_precision():
    labels = LABELS.copy()
    labels[:, 1] = 0
    expected = np.mean([average_precision(LOGITS[:, i], labels[:, i]) for i in (0, 2, 3)])
    assert TASK.metrics(LOGITS, labels)["mean_average_precision"] == pytest.approx(expected)
    assert TASK.metrics(LOGITS, np.zeros_like(labels))["mean_average_precision"] is None


def test_metrics_of_a_single_sigmoid_unit():
    found = TASK.metrics(np.array([[2.0], [-1.0], [0.5]]), np.array([[1], [1], [0]]))
    assert found["accuracy"] == found["exact_match"] == pytest.approx(1 / 3)


def test_diversity_by_hand():
    """Shares of the rarer state: 1/4 and 0 against 1/2 and 1/4."""
    own = np.array([[1, 1], [-1, 1], [-1, 1], [-1, 1]])
    other = np.array([[1, 1], [1, -1], [-1, -1], [-1, -1]])
    assert TASK.prediction_diversity(own, other) == pytest.approx(0.125 / 0.375)


def test_agreement_counts_labels():
    assert TASK.agreement(np.array([[1, 1], [-1, 1]]), np.array([[1, -1], [-1, 1]])) == 0.75


def test_entropies_equal_those_of_probabilities():
    np.testing.assert_allclose(TASK.entropy(LOGITS), entropies64(LOGITS), rtol=1e-9)
    np.testing.assert_allclose(TASK.entropy(np.zeros((2, 4))), 4 * np.log(2))


@pytest.mark.parametrize(
    "outputs, expected",
    [
        ([[0.9, 0.8], [0.1, 0.7]], True),  # need not sum to 1
        ([[1.5, 0.2]], False),
        ([[0.5, -0.1]], False),
        ([[0.5, 0.5], [0.5, 0.5]], False),  # as well logits of an untrained model
    ],
)
def test_probabilities_lie_between_0_and_1_and_differ(outputs, expected):
    assert TASK.looks_like_probabilities(np.array(outputs)) is expected
