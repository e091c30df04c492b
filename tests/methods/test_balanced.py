"""As many OOD images of each class that the teacher predicts."""

import logging

import numpy as np
import pytest

from mosaickd_tf.methods import BalancedDistiller
from mosaickd_tf.methods.balanced import balanced_indices
from tests.methods import harness


def test_indices_by_hand():
    # Nine images, four classes, two indices each: class 0 has five images, class 7 two, the others
    # one, which counts twice.
    indices = balanced_indices(np.array([0, 0, 7, 0, 3, 0, 0, 7, 5]))
    assert indices.tolist() == [0, 2, 3, 4, 4, 7, 8, 8]


@pytest.mark.parametrize("seed", range(4))
def test_every_class_that_occurs_is_as_frequent_and_uses_what_it_has(seed):
    rng = np.random.RandomState(seed)
    predicted = rng.choice(6, size=100, p=[0.6, 0.2, 0.1, 0.07, 0.03, 0.0])
    indices = balanced_indices(predicted)
    classes, counts = np.unique(predicted, return_counts=True)
    share = 100 // len(classes)
    assert (np.bincount(predicted[indices], minlength=6)[classes] == share).all()
    assert len(indices) == share * len(classes) and (np.diff(indices) >= 0).all()
    for number, count in zip(classes, counts, strict=True):
        _, times = np.unique(indices[predicted[indices] == number], return_counts=True)
        assert len(times) == min(count, share)
        assert times.max() - times.min() <= 1
    assert np.array_equal(indices, balanced_indices(predicted))


def test_one_class_alone_is_taken_as_it_is():
    assert balanced_indices(np.full(5, 3)).tolist() == [0, 1, 2, 3, 4]


def test_the_method_selects_the_images_that_the_teacher_s_predictions_balance(caplog):
    with caplog.at_level(logging.INFO, "mosaickd_tf"):
        indices = BalancedDistiller.select_transfer_indices(np.array([0, 0, 0, 0, 2, 0]))
    assert indices.tolist() == [0, 1, 3, 4, 4, 4]
    assert "3 images of each of the 2 classes" in caplog.text
    assert "1 to 5 images" in caplog.text


def test_a_round_is_one_of_plain_distillation():
    balanced = harness.build("balanced")
    assert harness.run_round(balanced) == harness.run_round(harness.build("kd"))
    moved = harness.changed(balanced, lambda: harness.run_round(balanced))
    assert moved == harness.all_of("student")
