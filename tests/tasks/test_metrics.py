"""Metrics of outputs against hand values, SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from mosaickd_tf import evaluation

# Highest first: 2 0 1 / 0 1 2 / 1 2 0 / 2 1 0.
OUTPUTS = np.array([[2.0, 1.0, 3.0], [0.9, 0.5, 0.1], [-3.0, -1.0, -2.0], [0.0, 1.0, 2.0]])
LABELS = np.array([2, 1, 0, 1])


def test_softmax_equals_scipy_s_in_float64():
    logits = np.array([[1e4, 0.0, -1e4], [-3.0, 2.0, 0.5]], "float32")
    received = evaluation.softmax(logits)
    assert received.dtype == np.float64
    np.testing.assert_allclose(received, special.softmax(logits.astype("float64"), axis=-1))


def test_the_first_of_equal_outputs_is_predicted():
    assert evaluation.predicted_classes(np.array([[1, 3, 3], [2, 2, 0]])).tolist() == [1, 0]


@pytest.mark.parametrize("k, right", [(1, 1), (2, 3), (3, 4), (5, 4)])
def test_top_k_by_hand(k, right):
    assert evaluation.top_k_accuracy(OUTPUTS, LABELS, k) == right / 4


def test_top_k_takes_the_first_of_equal_outputs():
    """Counts four equal outputs as one guess, not as a hit for every label."""
    outputs = np.zeros((4, 4))
    assert evaluation.top_k_accuracy(outputs, np.arange(4)) == 0.25
    assert evaluation.top_k_accuracy(outputs, np.arange(4), k=2) == 0.5


def test_top_k_is_a_python_float_of_any_sequence_of_labels():
    accuracy = evaluation.top_k_accuracy(OUTPUTS, [2, 0, 1, 2])
    assert accuracy == 1.0
    assert type(accuracy) is float


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint8"])
def test_top_k_of_any_kind_of_number(dtype):
    """Accepts the integers of quantized files, unsigned ones too."""
    outputs = np.array([[0, 1, 100], [7, 0, 3]], dtype)
    assert evaluation.top_k_accuracy(outputs, [2, 0]) == 1.0


def test_agreement_by_hand():
    others = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]])
    assert evaluation.agreement(OUTPUTS, others) == 0.5
    assert evaluation.agreement(OUTPUTS, 10 * OUTPUTS + 3) == 1.0


def test_prediction_diversity_by_hand():
    """Compares 3 of 4 images outside of the student's commonest class with 2 of the teacher's."""
    students, teachers = np.eye(4), np.eye(4)[[0, 0, 1, 2]]
    assert evaluation.prediction_diversity(students, teachers) == pytest.approx(0.75 / 0.5)
    assert evaluation.prediction_diversity(np.eye(4)[[3, 3, 3, 3]], teachers) == 0.0
    assert evaluation.prediction_diversity(teachers, 5 * teachers) == 1.0
    assert evaluation.prediction_diversity(students, np.eye(4)[[2, 2, 2, 2]]) is None


def test_per_class_by_hand():
    outputs = np.eye(4)[[0, 0, 1, 2, 0]]
    labels = np.array([0, 0, 1, 0, 1])
    assert evaluation.per_class_accuracy(outputs, labels) == [2 / 3, 0.5, None, None]


def test_the_confusion_matrix_is_scikit_learn_s():
    rng = np.random.RandomState(0)
    labels, predicted = rng.randint(0, 5, 200), rng.randint(0, 5, 200)
    expected = metrics.confusion_matrix(labels, predicted, labels=range(7))
    np.testing.assert_array_equal(evaluation.confusion_matrix(labels, predicted, 7), expected)
    assert evaluation.confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist() == [[1, 1], [0, 1]]
