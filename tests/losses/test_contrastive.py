"""Contrastive losses and row selection against hand values and NumPy in float64."""

import math

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.losses.contrastive import select_rows, target_ranks
from tests.losses import close, softmax64

RNG = np.random.RandomState(6)
TEACHER = 3.0 * RNG.standard_normal((7, 4))
STUDENT = 3.0 * RNG.standard_normal((7, 4))
TARGETS = np.array([0, 1, 2, 3, 0, 1, 2])


# Noise-contrastive estimation


def test_noise_contrastive_loss_equals_the_paper_s_formula():
    """Checks in probabilities: `h = e^s / (e^s + N / M)` with e^s a probability over the images."""
    scores, log_normalizer, num_images = RNG.standard_normal((3, 6)), 1.7, 11
    density = np.exp(scores) / math.exp(log_normalizer)
    h = density / (density + 5 / num_images)
    expected = -(np.log(h[:, 0]) + np.log(1 - h[:, 1:]).sum(axis=1)).mean()
    close(losses.noise_contrastive_loss(scores, log_normalizer, num_images), expected)


def test_noise_contrastive_loss_by_hand():
    # One negative, two images, scores and normalizer 0: h = 1 / (1 + 1/2) of both.
    value = losses.noise_contrastive_loss(np.zeros((1, 2)), 0.0, 2)
    close(value, -math.log(2 / 3) - math.log(1 / 3))


def test_noise_contrastive_loss_of_saturated_scores():
    right, wrong = np.array([[1e4, -1e4, -1e4]]), np.array([[-1e4, 1e4, 1e4]])
    close(losses.noise_contrastive_loss(right, 0.0, 3), 0.0)
    close(
        losses.noise_contrastive_loss(wrong, 0.0, 2), 3e4
    )  # two negatives of two images: N / M = 1


def test_noise_contrastive_loss_pulls_the_positive_up_and_negatives_down():
    scores = tf.Variable(RNG.standard_normal((3, 6)), dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = losses.noise_contrastive_loss(scores, 0.0, 20)
    gradient = tape.gradient(loss, scores).numpy()
    assert (gradient[:, 0] < 0).all() and (gradient[:, 1:] > 0).all()


# Similarities


def test_similarities_are_cosines():
    views, anchors = RNG.standard_normal((4, 3)), RNG.standard_normal((2, 3))
    lengths = np.outer(np.linalg.norm(views, axis=1), np.linalg.norm(anchors, axis=1))
    close(losses.similarities(views, anchors), views @ anchors.T / lengths)


def test_a_zero_vector_has_similarity_0_and_a_finite_gradient():
    views = tf.Variable(np.zeros((1, 3)), dtype=tf.float32)
    with tf.GradientTape() as tape:
        similar = losses.similarities(views, np.ones((2, 3)))
    close(similar, np.zeros((1, 2)))
    assert np.isfinite(tape.gradient(similar, views)).all()


def test_matching_is_cross_entropy():
    expected = -np.log(softmax64(TEACHER)[np.arange(7), TARGETS]).mean()
    close(losses.matching_loss(TEACHER, TARGETS), expected)


# Ranks


def test_the_rank_of_the_target_counts_what_exceeds_it():
    logits = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
    assert target_ranks(logits, np.array([0, 1, 2, 2])).numpy().tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize(
    "share, expected",
    [
        (1.0, [1, 1, 1, 1, 1, 1]),
        (0.75, [1, 1, 0, 1, 1, 1]),  # 3 of the 4 wrong ones: those of ranks 1, 1 and 2
        (0.5, [1, 1, 0, 1, 0, 1]),
        (0.49, [1, 1, 0, 1, 0, 0]),  # 1 of the 4; of the two of rank 1 the earlier
        (0.0, [1, 0, 0, 1, 0, 0]),
    ],
)
def test_wrong_rows_are_kept_in_the_order_of_rank(share, expected):
    ranks = np.array([0, 1, 5, 0, 2, 1])
    assert select_rows(ranks, share).numpy().tolist() == expected


def test_the_loss_is_zero_when_no_row_is_kept():
    assert select_rows(np.array([3, 1]), 0.4).numpy().tolist() == [0, 0]
    wrong = np.argmin(TEACHER, axis=-1)
    close(losses.ranked_distillation_loss(TEACHER, STUDENT, wrong, 0.0, 1.0), 0.0)


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_ranked_distillation_is_the_mean_over_the_kept_rows(share):
    """Follows the published code: sort by rank, cut, average the rest."""
    order = np.argsort(-TEACHER, axis=1)
    ranks = np.array([list(row).index(t) for row, t in zip(order, TARGETS, strict=True)])
    wrong = (ranks > 0).sum()
    rows = np.argsort(ranks, kind="stable")[: len(ranks) - wrong + int(share * wrong)]
    p, q = softmax64(TEACHER[rows] / 4), softmax64(STUDENT[rows] / 4)
    expected = 16 * (p * np.log(p / q)).sum(axis=1).mean()
    close(losses.ranked_distillation_loss(TEACHER, STUDENT, TARGETS, share, 4.0), expected)


def test_losses_are_float32_for_any_logits_dtype():
    low = tf.constant(TEACHER, "bfloat16")
    values = [
        losses.noise_contrastive_loss(low, 0.0, 9),
        losses.similarities(low, low),
        losses.matching_loss(low, TARGETS),
        losses.ranked_distillation_loss(low, low, TARGETS, 1.0, 1.0),
    ]
    assert {value.dtype for value in values} == {tf.float32}
