"""Contrast with stored embeddings: scores, memory, negatives, and their place in a checkpoint."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import ContrastiveDistiller
from mosaickd_tf.methods.crd import ContrastiveConfig, remember
from tests.methods import harness

INDEX = tf.constant([1, 8, 3, 0])


def unit64(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def outputs(distiller):
    """Returns logits and features of the teacher, and of the student in training mode."""
    return (
        distiller.teacher_capture(harness.IMAGES, training=False),
        distiller.student_capture(harness.IMAGES, training=True),
    )


def embeddings64(distiller):
    """Returns the student's and the teacher's embeddings, from the weights of the dense layers."""
    (_, teacher_features), (_, student_features) = outputs(distiller)
    return [
        unit64(np.asarray(features[0]) @ layer.kernel.numpy() + layer.bias.numpy())
        for features, layer in (
            (student_features, distiller.heads.get_layer("student_embed")),
            (teacher_features, distiller.heads.get_layer("teacher_embed")),
        )
    ]


def contrast64(distiller, embeddings, candidates):
    """Computes both sides of the term in probabilities, normalized by this batch."""
    total = 0.0
    banks = distiller.teacher_bank.numpy(), distiller.student_bank.numpy()
    for seen, bank in zip(embeddings, banks, strict=True):
        critic = np.exp(np.einsum("be,bke->bk", seen, bank[candidates]) / 0.07)
        density = critic / (critic.mean() * len(bank))
        prior = (candidates.shape[1] - 1) / len(bank)
        h = density / (density + prior)
        total -= (np.log(h[:, 0]) + np.log(1 - h[:, 1:]).sum(axis=1)).mean()
    return total


def test_the_loss_is_distillation_and_the_weighted_contrast():
    crd = harness.build("crd", config=ContrastiveConfig(weight=0.5))
    (teacher_logits, _), (student_logits, _) = outputs(crd)
    candidates = crd._candidates(INDEX, 0).numpy()
    contrast = contrast64(crd, embeddings64(crd), candidates)
    plain = harness.kl64(teacher_logits, student_logits).mean()
    loss = harness.minimized(crd, lambda: crd.update_student(harness.IMAGES, index=INDEX, k=0))
    assert loss == pytest.approx({"student": plain + 0.5 * contrast}, rel=1e-4)
    terms = {"distillation_loss": plain, "contrastive_loss": contrast}
    assert harness.recorded(crd) == pytest.approx(terms, rel=1e-4)


def test_the_embeddings_of_the_batch_are_stored_and_nothing_else():
    crd = harness.build("crd")
    expected = embeddings64(crd)
    before = crd.student_bank.numpy(), crd.teacher_bank.numpy()
    crd.update_student(harness.IMAGES, index=INDEX, k=0)
    others = [i for i in range(harness.NUM_IMAGES) if i not in INDEX.numpy()]
    banks = crd.student_bank.numpy(), crd.teacher_bank.numpy()
    for old, bank, seen in zip(before, banks, expected, strict=True):
        rows = unit64(0.5 * old[INDEX.numpy()] + 0.5 * seen)
        np.testing.assert_allclose(bank[INDEX.numpy()], rows, rtol=1e-4, atol=1e-6)
        assert np.array_equal(bank[others], old[others])


def test_an_image_that_is_twice_in_a_batch_is_stored_by_its_mean():
    bank = tf.Variable(unit64(np.random.RandomState(0).standard_normal((4, 3))), dtype=tf.float32)
    before, seen = bank.numpy(), np.eye(3, dtype="float32")
    remember(bank, tf.constant([2, 0, 2]), tf.constant(seen))
    expected = before.copy()
    expected[2] = unit64(before[2] + (seen[0] + seen[2]) / 2)
    expected[0] = unit64(before[0] + seen[1])
    np.testing.assert_allclose(bank, expected, rtol=1e-5, atol=1e-6)


def test_embeddings_that_are_not_finite_are_not_stored():
    bank = tf.Variable(unit64(np.random.RandomState(0).standard_normal((4, 3))), dtype=tf.float32)
    before = bank.numpy()
    remember(bank, tf.constant([2, 0]), tf.constant([[np.nan, 0, 0], [0, np.inf, 0]], "float32"))
    np.testing.assert_array_equal(bank, before)


def test_negatives_are_other_images_drawn_evenly_and_anew():
    distiller = harness.build("crd")
    index = tf.tile(INDEX, [2000])
    candidates = distiller._candidates(index, 0).numpy()
    assert candidates.shape == (8000, harness.NUM_IMAGES)  # itself and 8 others
    assert np.array_equal(candidates[:, 0], index)
    for number in INDEX.numpy():
        others = candidates[index.numpy() == number, 1:]
        counts = np.bincount(others.ravel(), minlength=harness.NUM_IMAGES)
        assert counts[number] == 0
        expected = np.full(harness.NUM_IMAGES - 1, 2000.0)
        np.testing.assert_allclose(np.delete(counts, number), expected, rtol=0.1)
    assert np.array_equal(candidates, distiller._candidates(index, 0))
    assert not np.array_equal(candidates, distiller._candidates(index, 1))
    distiller.end_round()
    assert not np.array_equal(candidates, distiller._candidates(index, 0))


def test_there_may_be_fewer_negatives():
    distiller = harness.build("crd", config=ContrastiveConfig(negatives=3))
    assert distiller._candidates(INDEX, 0).shape == (4, 4)
    assert harness.build("crd").negatives == harness.NUM_IMAGES - 1


def test_the_normalizers_are_measured_once():
    distiller = harness.build("crd")
    harness.run_round(distiller)
    first = distiller.log_normalizers.numpy()
    assert (first != 0).all()
    harness.run_round(distiller)
    assert np.array_equal(first, distiller.log_normalizers.numpy())


def test_a_round_changes_the_student_and_the_embeddings():
    distiller = harness.build("crd")
    moved = harness.changed(distiller, lambda: harness.run_round(distiller))
    assert moved == harness.all_of("student") | {("heads", "weights")}
    assert not [v for v in distiller.trainable_variables if "bank" in v.path]


def test_the_contrast_falls_on_images_that_come_again():
    distiller = harness.build("crd")
    values = [harness.run_round(distiller)["contrastive_loss"] for _ in range(6)]
    assert values[-1] < 0.8 * values[0]


def test_xla_gives_the_losses_of_plain_graphs():
    compiled = harness.fitted(harness.build("crd", jit_compile=True), 2)
    plain = harness.fitted(harness.build("crd"), 2)
    for name, values in plain.items():
        np.testing.assert_allclose(compiled[name], values, rtol=1e-3, atol=1e-5)


def test_a_checkpoint_holds_both_banks():
    shapes = [value.shape for value in harness.state(harness.build("crd"))]
    assert shapes.count((harness.NUM_IMAGES, 128)) == 2


@pytest.mark.parametrize("count", [None, 0, 1])
def test_without_a_number_of_images_it_is_refused(count):
    with pytest.raises(RequestError, match=f"`num_images` is needed.*Received: {count}"):
        ContrastiveDistiller(**harness.pair(), num_images=count)
