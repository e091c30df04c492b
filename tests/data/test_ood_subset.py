"""Selection of the OOD images on which the teacher is least confident."""

import numpy as np

from mosaickd_tf.data.ood_subset import describe, select_ood_subset
from mosaickd_tf.data.teacher_predictions import TeacherPredictions
from mosaickd_tf.tasks import SingleLabel
from mosaickd_tf.tasks.metrics import entropy


def test_entropy_by_hand():
    logits = np.array([[0.0, 0.0, 0.0, 0.0], [np.log(3.0), 0.0, -1e4, -1e4]])
    expected = [np.log(4.0), -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))]
    np.testing.assert_allclose(entropy(logits), expected, rtol=1e-12)


def test_entropy_of_a_confident_teacher_is_zero_and_not_nan():
    np.testing.assert_allclose(entropy(np.array([[1e4, -1e4, 0.0]])), [0.0], atol=1e-12)


def test_the_least_confident_are_selected_in_their_order():
    confidence = np.array([5.0, 0.0, 3.0, 1.0, 4.0])  # of the first logit
    logits = np.stack([confidence, np.zeros(5)], axis=1)
    np.testing.assert_array_equal(select_ood_subset(entropy(logits), 2), [1, 3])
    np.testing.assert_array_equal(select_ood_subset(entropy(-logits), 2), [1, 3])


def test_a_larger_count_than_there_are_images_selects_all():
    np.testing.assert_array_equal(select_ood_subset(np.arange(3.0), 10), [0, 1, 2])


def test_the_first_of_equal_entropies_are_selected():
    np.testing.assert_array_equal(select_ood_subset(np.zeros(4), 2), [0, 1])


def test_a_selection_is_described_by_count_entropy_and_classes():
    predictions = TeacherPredictions(
        entropy=np.array([0.0, 4.0, 1.0, 2.0, 3.0]), predicted=np.array([0, 2, 0, 1, 2], np.int32)
    )
    facts = describe(
        predictions, select_ood_subset(predictions.entropy, 3), num_labels=4, task=SingleLabel()
    )
    assert facts == {
        "count": 3,
        "of": 5,
        "entropy": {
            "chosen": {"min": 2, "quarter": 2.5, "median": 3, "three_quarters": 3.5, "max": 4},
            "all": {"min": 0, "quarter": 1, "median": 2, "three_quarters": 3, "max": 4},
        },
        "class_shares": [0, 1 / 3, 2 / 3, 0],
    }
