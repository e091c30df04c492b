"""Contrast with remembered images: scores, memory, draws, and its place in a checkpoint."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import BaselineTerms, DistillConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import ContrastiveDistiller
from mosaickd_tf.methods.crd import remember
from tests import tiny
from tests.methods import staged

INDEX = tf.constant([1, 8, 3, 0])


def unit64(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def embeddings64(made, teacher, student):
    """The two embeddings from the weights of the dense layers."""
    return [
        unit64(np.asarray(seen.features[0]) @ layer.kernel.numpy() + layer.bias.numpy())
        for seen, layer in (
            (student, made.heads.get_layer("student_embed")),
            (teacher, made.heads.get_layer("teacher_embed")),
        )
    ]


def contrast64(made, embeddings, candidates):
    """Both sides of the term in probabilities, the normaliser measured on this batch."""
    total = 0.0
    banks = made.teacher_bank.numpy(), made.student_bank.numpy()
    for seen, bank in zip(embeddings, banks, strict=True):
        critic = np.exp(np.einsum("be,bke->bk", seen, bank[candidates]) / 0.07)
        density = critic / (critic.mean() * len(bank))
        prior = (candidates.shape[1] - 1) / len(bank)
        h = density / (density + prior)
        total -= (np.log(h[:, 0]) + np.log(1 - h[:, 1:]).sum(axis=1)).mean()
    return total


def test_the_loss_is_distillation_and_the_weighted_contrast():
    made = staged.distiller("crd", weight=0.5)
    teacher, student = staged.seen(made)
    candidates = made._candidates(INDEX, 0).numpy()
    contrast = contrast64(made, embeddings64(made, teacher, student), candidates)
    plain = staged.kl64(teacher.logits, student.logits).mean()
    loss = float(made.student_loss(teacher, student, index=INDEX, k=0))
    assert loss == pytest.approx(plain + 0.5 * contrast, rel=1e-4)
    assert float(made.trackers["contrastive_loss"].result()) == pytest.approx(contrast, rel=1e-4)


def test_what_was_seen_is_remembered_and_nothing_else():
    made = staged.distiller("crd")
    teacher, student = staged.seen(made)
    before = made.student_bank.numpy(), made.teacher_bank.numpy()
    made.student_loss(teacher, student, index=INDEX, k=0)
    others = [i for i in range(staged.NUM_IMAGES) if i not in INDEX.numpy()]
    for old, bank, seen in zip(
        before,
        (made.student_bank, made.teacher_bank),
        embeddings64(made, teacher, student),
        strict=True,
    ):
        expected = unit64(0.5 * old[INDEX.numpy()] + 0.5 * seen)
        np.testing.assert_allclose(bank.numpy()[INDEX.numpy()], expected, rtol=1e-4, atol=1e-6)
        assert np.array_equal(bank.numpy()[others], old[others])


def test_an_image_that_is_twice_in_a_batch_is_remembered_by_its_mean():
    bank = tf.Variable(unit64(np.random.RandomState(0).standard_normal((4, 3))), dtype=tf.float32)
    before, seen = bank.numpy(), np.eye(3, dtype="float32")
    remember(bank, tf.constant([2, 0, 2]), tf.constant(seen))
    expected = before.copy()
    expected[2] = unit64(before[2] + (seen[0] + seen[2]) / 2)
    expected[0] = unit64(before[0] + seen[1])
    np.testing.assert_allclose(bank, expected, rtol=1e-5, atol=1e-6)


def test_negatives_are_other_images_drawn_evenly_and_anew():
    made = staged.distiller("crd")
    index = tf.tile(INDEX, [2000])
    candidates = made._candidates(index, 0).numpy()
    assert candidates.shape == (8000, staged.NUM_IMAGES)  # itself and 8 others
    assert np.array_equal(candidates[:, 0], index)
    for number in INDEX.numpy():
        others = candidates[index.numpy() == number, 1:]
        counts = np.bincount(others.ravel(), minlength=staged.NUM_IMAGES)
        assert counts[number] == 0
        expected = np.full(staged.NUM_IMAGES - 1, 2000.0)
        np.testing.assert_allclose(np.delete(counts, number), expected, rtol=0.1)
    assert np.array_equal(candidates, made._candidates(index, 0))
    assert not np.array_equal(candidates, made._candidates(index, 1))
    made.end_round()
    assert not np.array_equal(candidates, made._candidates(index, 0))


def test_fewer_negatives_may_be_asked_for():
    made = staged.distiller("crd", negatives=3)
    assert made._candidates(INDEX, 0).shape == (4, 4)
    assert staged.distiller("crd").negatives == staged.NUM_IMAGES - 1


def test_the_normalisers_are_measured_once():
    made = staged.distiller("crd")
    staged.play(made)
    first = made.log_normalizers.numpy()
    assert (first != 0).all()
    staged.play(made)
    assert np.array_equal(first, made.log_normalizers.numpy())


def test_a_round_moves_the_student_and_the_embeddings():
    made = staged.distiller("crd")
    moved = staged.what_moves(made, lambda: staged.play(made))
    assert moved == {"student", "heads", "student_optimizer"}
    assert not [v for v in made.trainable_variables if "bank" in v.path]


def test_the_contrast_falls_on_images_that_come_again():
    made = staged.distiller("crd")
    values = [staged.play(made)["contrastive_loss"] for _ in range(6)]
    assert values[-1] < 0.8 * values[0]


def test_xla_gives_the_losses_of_plain_graphs():
    compiled = staged.fitted(staged.distiller("crd", jit_compile=True), 2)
    plain = staged.fitted(staged.distiller("crd"), 2)
    for name, values in plain.items():
        np.testing.assert_allclose(compiled[name], values, rtol=1e-3, atol=1e-5)


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    teacher = staged.pair()["teacher"]

    def make(seed):
        tiny.seed_weights(seed)
        student = staged.classifier(4, "student")
        return staged.distiller("crd", players={"teacher": teacher, "student": student}, seed=5)

    whole, resumed = staged.resumed(make, tmp_path)
    assert tiny.same_bits(whole, resumed)
    assert sum(value.shape == (staged.NUM_IMAGES, 128) for value in whole) == 2


@pytest.mark.parametrize("count", [None, 0, 1])
def test_without_images_to_remember_it_is_refused(count):
    with pytest.raises(RequestError, match=f"`num_images` is needed.*Received: {count}"):
        ContrastiveDistiller(**staged.pair(), num_images=count)


def test_the_config_says_weight_and_negatives():
    asked = DistillConfig(baselines=BaselineTerms(crd_weight=2.0, crd_negatives=5))
    options = ContrastiveDistiller.options(asked)
    assert (options["weight"], options["negatives"]) == (2.0, 5)
