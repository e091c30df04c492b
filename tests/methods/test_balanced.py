"""As many OOD images of each class that the teacher predicts."""

import logging

import numpy as np
import pytest

from mosaickd_tf.methods import BalancedDistiller
from mosaickd_tf.methods.balanced import balanced_rows
from tests.methods import staged


def test_rows_by_hand():
    # Nine images, four classes, two rows each: class 0 has five images, class 7 two, the others
    # one, which counts twice.
    rows = balanced_rows(np.array([0, 0, 7, 0, 3, 0, 0, 7, 5]))
    assert rows.tolist() == [0, 2, 3, 4, 4, 7, 8, 8]


@pytest.mark.parametrize("seed", range(4))
def test_every_class_that_occurs_is_as_frequent_and_uses_what_it_has(seed):
    rng = np.random.RandomState(seed)
    predicted = rng.choice(6, size=100, p=[0.6, 0.2, 0.1, 0.07, 0.03, 0.0])
    rows = balanced_rows(predicted)
    classes, counts = np.unique(predicted, return_counts=True)
    share = 100 // len(classes)
    assert (np.bincount(predicted[rows], minlength=6)[classes] == share).all()
    assert len(rows) == share * len(classes) and (np.diff(rows) >= 0).all()
    for number, count in zip(classes, counts, strict=True):
        _, times = np.unique(rows[predicted[rows] == number], return_counts=True)
        assert len(times) == min(count, share)
        assert times.max() - times.min() <= 1
    assert np.array_equal(rows, balanced_rows(predicted))


def test_one_class_alone_is_taken_as_it_is():
    assert balanced_rows(np.full(5, 3)).tolist() == [0, 1, 2, 3, 4]


def test_the_method_learns_from_the_rows_that_the_teacher_balances(caplog):
    logits = np.eye(4)[[0, 0, 0, 0, 2, 0]]
    with caplog.at_level(logging.INFO, "mosaickd_tf"):
        rows = BalancedDistiller.select_transfer_indices(lambda: logits)
    assert rows.tolist() == [0, 1, 3, 4, 4, 4]
    assert "3 rows for each of the 2 classes" in caplog.text
    assert "1 to 5 images" in caplog.text


def test_a_round_is_one_of_plain_distillation():
    made = staged.distiller("balanced")
    assert staged.play(made) == staged.play(staged.distiller("kd"))
    assert staged.what_moves(made, lambda: staged.play(made)) == {"student", "student_optimizer"}
