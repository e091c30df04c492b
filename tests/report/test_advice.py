"""Advice: its number, its threshold and its flag; and none where nothing is wrong."""

import math
import re

import pytest

from mosaickd_tf.report.advice import advice, effective_classes
from tests.report import result, rows

EVEN = [26] * 10


def one(rows, result):
    (sentence,) = advice(rows, result)
    return sentence


def test_a_good_run_gets_none():
    assert advice(rows(counts=EVEN), result()) == []


@pytest.mark.parametrize(
    "metrics", [[], [{"round": 0}], rows(), rows(accuracy="unlabeled_agreement")], ids=len
)
def test_there_is_no_advice_on_what_was_not_recorded(metrics):
    assert advice(metrics, result(baselines=(), labels=False)) == []


@pytest.mark.parametrize("counts, expected", [
    ([5, 5, 5, 5], 4), ([9, 0, 0], 1), ([4, 4, 0, 0], 2), ([2, 1, 1], 2**1.5),
])  # fmt: skip
def test_the_effective_number_of_classes_by_hand(counts, expected):
    assert effective_classes(counts) == pytest.approx(expected)


def test_what_went_wrong_on_the_way_comes_first():
    event = {"round": 1200, "term": "x", "words": "the x became nan", "done": "went back to 1000"}
    sentence = one(rows(counts=EVEN), result() | {"divergence": [event]})
    assert "(round 1,200: the x became nan; went back to 1000)" in sentence
    sentence = one(rows(counts=EVEN), result() | {"divergence": [], "skipped_updates": 12})
    assert "(12 updates were not finite and skipped)" in sentence
    assert "--student_learning_rate=" in sentence and "--generator_learning_rate=" in sentence


def test_a_collapse_is_seen_in_the_classes():
    """Counts two even classes and eight empty ones: effectively 2 of 10."""
    sentence = one(rows(counts=[128, 128] + [0] * 8), result())
    assert "effectively 2.0 of 10, below 5." in sentence
    assert sentence.endswith("--balance_weight=20 (now 10)")


# What each of these methods reads; a flag that it does not read changes nothing.
READS = {
    "mosaic": {"balance_weight", "align_weight", "adversarial_weight", "local_weight"},
    "dafl": {"dafl_balance_weight"},
    "dfq": {"dfq_balance_weight", "dfq_entropy_weight", "dfq_adversarial_weight"},
    "zskt": set(),
    "deep_inversion": set(),
}
ANY = {"rounds", "student_learning_rate", "student_steps_per_round", "student", "method"}


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize("counts", [[256] + [0] * 9, [28] * 9 + [0]], ids=["few", "rare"])
def test_no_advice_names_a_flag_that_the_method_does_not_read(method, counts):
    metrics = rows(
        counts=counts,
        adversarial_loss=[0, 0, 0],
        label_space_alignment_loss=[2, 2, 2.2],
        distillation_loss=[0.5, 0.5, 0.5],
        **({"local_patch_loss": [1, 1, 1]} if method == "mosaic" else {}),
    )
    text = " ".join(advice(metrics, result(method=method, baselines=())))
    named = set(re.findall(r"--(\w+)", text))
    assert "classes" in text and named - ANY <= READS[method]
    assert named & READS[method] or not READS[method]


def test_fewer_images_than_classes_are_no_collapse():
    assert advice(rows(counts=[1] * 500 + [0] * 500), result()) == []


def test_a_collapse_is_seen_in_the_loss_where_classes_were_not_counted():
    sentence = one(rows(class_balance_loss=[-3.0, -1.0, -0.25]), result(balance_weight=2.5))
    assert "-0.25 bits, above -1." in sentence
    assert sentence.endswith("--balance_weight=5 (now 2.5)")


def test_a_class_that_hardly_occurs_is_named():
    sentence = one(rows(counts=[30, 4, 30, 30, 30, 30, 30, 30, 5, 37]), result(rounds=300))
    assert sentence.startswith("2 of 10 classes hardly occur")
    assert "(class number 1, 8): fewer than 5.1 of 256 images" in sentence
    assert "--rounds=600 (now 300)" in sentence


def test_of_many_rare_classes_a_few_are_named():
    sentence = one(rows(counts=[10] * 100 + [0] * 7), result())
    assert "7 of 107 classes" in sentence
    assert "(class number 100, 101, 102, 103, 104, ...)" in sentence


@pytest.mark.parametrize("divergence, bad", [(0.0, False), (0.55, False), (0.56, True)])
def test_a_discriminator_that_always_wins(divergence, bad):
    metrics = rows(counts=EVEN, patch_divergence=[0.1, 0.2, divergence])
    found = advice(metrics, result(patch_size=10))
    assert len(found) == bad
    if bad:
        assert "0.560 nats, above 0.555 of at most 0.693" in found[0]
        assert "--patch_size=7 (now 10)" in found[0]
        assert "--local_weight=2 (now 1)" in found[0]


@pytest.mark.parametrize("entropy, bad", [(1.15, False), (1.16, True)])
def test_a_teacher_that_is_unsure(entropy, bad):
    """Compares with half of ln(10), 1.151."""
    terms = {"label_space_alignment_loss": [1, 1, entropy], "local_patch_loss": [9, 9, 9]}
    found = advice(rows(counts=EVEN, **terms), result())
    assert len(found) == bad
    if bad:
        assert "1.16 nats, above 1.15, half of ln(10)" in found[0]
        assert "--align_weight=2 (now 1)" in found[0]
        assert "--local_weight=0.5 (now 1)" in found[0]


@pytest.mark.parametrize("balance, bad", [(-2.0, False), (-2.01, True)])
def test_a_balance_that_so_few_sure_answers_cannot_have(balance, bad):
    """Compares with 2 bits, the most that the mean of four sure predictions can have."""
    metrics = rows(
        counts=EVEN, label_space_alignment_loss=[1, 1, 2], class_balance_loss=[-1, -1, balance]
    )
    sentence = one(metrics, result(batch_size=4, balance_weight=10.0))
    assert ("4 sure predictions have at most 2.00" in sentence) == bad
    assert ("Use larger batches: --batch_size=16 (now 4)" in sentence) == bad
    assert ("--align_weight=2" in sentence) != bad


@pytest.mark.parametrize("entropy, bad", [(3.46, False), (3.47, True)])
def test_a_teacher_of_independent_labels_that_is_unsure(entropy, bad):
    """Compares with half of 10 ln(2), 3.466; the balance of independent labels has no bound."""
    terms = {"label_space_alignment_loss": [1, 1, entropy], "class_balance_loss": [-1, -1, -9]}
    found = advice(rows(counts=EVEN, **terms), result() | {"task": "multi_label"})
    assert len(found) == bad
    if bad:
        assert "3.47 nats, above 3.47, half of 10 ln(2)" in found[0]
        assert "--align_weight=2 (now 1)" in found[0]


def test_a_student_that_does_not_learn():
    sentence = one(rows(counts=EVEN, distillation_loss=[0.8, 0.7, 0.6]), result())
    assert "went from 0.800 to 0.600 nats, not below 0.5 of the first" in sentence
    assert "--student_steps_per_round=10 (now 5)" in sentence
    assert "--student_learning_rate=0.05 (now 0.1)" in sentence


def test_a_generator_that_shows_nothing_new():
    metrics = rows(counts=EVEN, adversarial_loss=[-0.5, -0.1, -0.002])
    assert "0.0020 nats, below 0.01" in one(metrics, result())
    assert advice(metrics, result(adversarial_weight=0.0)) == []


def test_an_accuracy_that_was_better_before_the_end():
    metrics = rows(counts=EVEN)
    metrics[-1]["validation_accuracy"] = 0.9
    sentence = one(metrics, result())
    assert "from 0.9500 in round 100 to 0.9000, by more than 0.03" in sentence


def test_an_accuracy_that_still_grows():
    metrics = rows(counts=EVEN)
    metrics[-1]["validation_accuracy"] = 0.98
    sentence = one(metrics, result(rounds=300))
    assert "still grew by 0.0300 since round 200, more than 0.01" in sentence
    assert sentence.endswith("--rounds=600 (now 300)")


def test_a_baseline_that_does_as_well():
    content = result()
    content["baselines"][0]["accuracy"] = content["student"]["accuracy"]
    sentence = one(rows(counts=EVEN), content)
    assert "0.9648 against 0.9648" in sentence
    assert sentence.endswith("--method=kd")


def test_a_student_far_from_its_teacher():
    content = result()
    content["student"]["accuracy"] = 0.8
    sentence = one(rows(counts=EVEN), content)
    assert "0.1832 less accurate than the teacher, more than 0.1" in sentence
    assert "--student (now wrn16_1)" in sentence


def test_a_weight_of_zero_is_raised_to_one():
    sentence = one(rows(counts=[256] + [0] * 9), result(balance_weight=0.0))
    assert sentence.endswith("--balance_weight=1 (now 0)")


def test_the_worst_comes_first():
    metrics = rows(counts=[256] + [0] * 9, label_space_alignment_loss=[1, 1, math.log(10)])
    metrics[-1]["validation_accuracy"] = 0.5
    first, second, third = advice(metrics, result())
    assert "few classes" in first and "unsure" in second and "fell" in third
