"""Logits that are known before an update: which images the teacher still sees, by hand."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from mosaickd_tf.methods.known_logits import logits_of, ood_batch
from tests.methods.harness import IMAGES, build, run_round

FIRST = np.array([[1.0, 2.0]], "float32")
LAST = np.array([[3.0, 4.0], [5.0, 6.0]], "float32")


class Teacher:
    """A stand-in that returns the mean of each image twice, and counts its images."""

    def __init__(self):
        self.seen = []

    def __call__(self, images, training):
        assert training is False
        self.seen.append(len(images))
        return tf.repeat(tf.reduce_mean(images, axis=(1, 2, 3))[:, None], 2, axis=1)


@pytest.mark.parametrize(
    "first, last, seen",
    [
        (None, None, [4]),
        (FIRST, None, [3]),
        (None, LAST, [2]),
        (FIRST, LAST, [1]),
        (np.concatenate([FIRST, FIRST]), LAST, []),
    ],
)
def test_the_teacher_is_run_on_images_whose_logits_are_not_known(first, last, seen):
    teacher = Teacher()
    received = logits_of(teacher, tf.constant(IMAGES), first, last)
    expected = np.repeat(IMAGES.mean(axis=(1, 2, 3))[:, None], 2, axis=1)
    if first is not None:
        expected[: len(first)] = first
    if last is not None:
        expected[len(expected) - len(last) :] = last
    np.testing.assert_allclose(received, expected, rtol=1e-6)
    assert teacher.seen == seen


def test_the_logits_of_an_update_are_those_of_its_images():
    images = np.arange(6.0).reshape(3, 2, 1, 1, 1)
    logits = images[..., 0, 0] * 10
    shown, known = ood_batch({"transfer_images": images, "transfer_logits": logits}, 1)
    np.testing.assert_array_equal(shown.ravel(), [1, 3, 5])
    np.testing.assert_array_equal(known.ravel(), [10, 30, 50])
    assert ood_batch({"transfer_images": images}, 1)[1] is None


@pytest.mark.parametrize("method", ["kd", "balanced", "dro_ood", "mosaic"])
def test_with_the_teacher_s_own_logits_a_round_is_as_without(method):
    batch = {
        "patch_images": IMAGES,
        "transfer_images": np.stack([IMAGES, IMAGES[::-1]], axis=1),
        "index": np.zeros((4, 2), "int32"),
    }
    found = []
    for known in (False, True):
        distiller = build(method)
        if known:
            logits = [distiller.teacher(x) for x in (IMAGES, IMAGES[::-1])]
            batch = batch | {"transfer_logits": np.stack(logits, axis=1)}
        found.append(run_round(distiller, batch))
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_with_known_logits_the_student_learns_from_them():
    first, again = build("kd"), build("kd")
    student_logits = np.asarray(first.student(IMAGES, training=True), "float64")
    known = np.zeros((4, 1, student_logits.shape[1]), "float32")
    batch = {"transfer_images": IMAGES[:, None], "transfer_logits": known}
    # The divergence of the student from equal probabilities.
    log_probs = student_logits - scipy.special.logsumexp(student_logits, axis=1, keepdims=True)
    expected = (-np.log(student_logits.shape[1]) - log_probs).mean()
    assert run_round(again, batch)["distillation_loss"] == pytest.approx(expected, rel=1e-5)
