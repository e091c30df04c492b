"""Signs of a model that is used wrongly, on predictions whose faults are known."""

import numpy as np
import pytest

from mosaickd_tf.evaluation.plausibility import examine, warning

NAMES = tuple("abcdefghij")
RNG = np.random.default_rng(0)


def good(labels, share=0.9, num_classes=10):
    """Returns predictions of which a share is right, the others random."""
    random = RNG.integers(0, num_classes, len(labels))
    return np.where(RNG.random(len(labels)) < share, labels, random)


def labels_of(count, num_classes=10):
    return RNG.integers(0, num_classes, count)


def said(predicted, labels, num_classes=10, names=NAMES):
    return warning(examine(predicted, labels, num_classes), names, "teacher", "`teacher_input`")


@pytest.mark.parametrize("share", [0.95, 0.6, 0.3])
@pytest.mark.parametrize("count", [100, 1000])
def test_nothing_is_said_of_a_model_that_is_right_or_weak(count, share):
    labels = labels_of(count)
    assert said(good(labels, share), labels) == ""


def test_a_permutation_of_the_labels_is_found():
    order = RNG.permutation(10)  # output o stands for class order[o]
    labels = labels_of(300)
    found = examine(np.argsort(order)[good(labels)], labels, 10)
    assert found.order == tuple(order)
    assert found.order_accuracy == pytest.approx(0.91, abs=0.05)
    line = said(np.argsort(order)[labels], labels)
    assert ", ".join(NAMES[number] for number in order) in line and "`labels`" in line
    assert len(line.splitlines()) == 1


def test_two_swapped_labels_of_ten_are_found():
    labels = labels_of(1000)
    predicted = np.array([1, 0, *range(2, 10)])[good(labels)]
    found = examine(predicted, labels, 10)
    assert not found.at_chance
    assert found.order == (1, 0, *range(2, 10))


def test_labels_named_in_order_are_believed_of_a_model_that_mixes_two_up():
    labels = labels_of(1000)
    mixed = np.array([1, 0, *range(2, 10)])[good(labels)]  # 18 points are gained by a swap
    assert examine(mixed, labels, 10, named=True).order == ()
    shifted = (good(labels) + 1) % 10
    assert examine(shifted, labels, 10, named=True).order == (9, *range(9))


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_chance_is_said_and_no_order_made_up(num_classes):
    labels = labels_of(500, num_classes)
    predicted = labels_of(500, num_classes)
    found = examine(predicted, labels, num_classes)
    assert found.at_chance and found.order == ()
    assert "`teacher_input`" in said(predicted, labels, num_classes, tuple(map(str, range(100))))


def test_a_binary_model_of_which_the_labels_are_swapped_is_found():
    labels = labels_of(200, 2)
    assert examine(1 - good(labels, 0.9, 2), labels, 2).order == (1, 0)


def test_one_class_for_all_images_is_said():
    labels = labels_of(200)
    line = said(np.full(200, 3), labels)
    assert "100% of the images are predicted as 'd'" in line and "chance" in line


def test_a_majority_of_the_labels_is_no_sign_of_skill():
    labels = np.where(np.arange(400) < 300, 0, 1)
    assert examine(np.zeros(400, int), labels, 2).at_chance


def test_images_of_one_class_alone_say_nothing_about_chance():
    labels = np.full(100, 2)
    assert said(labels, labels) == ""


def test_few_images_say_nothing():
    assert examine(np.zeros(29, int), np.ones(29, int), 2) is None
    assert said(np.zeros(29, int), np.ones(29, int), 2) == ""
