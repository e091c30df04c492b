"""DeepInversion: what the pixels minimise, when a batch is finished, what the student sees."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import DataFreeTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import DeepInversionDistiller
from tests import tiny
from tests.losses.test_images import total_variation64
from tests.losses.test_synthesis import competition64
from tests.methods.test_data_free import WEIGHTS, distiller
from tests.methods.test_dfq import statistics64
from tests.methods.test_zskt import probs64

IMAGES = np.random.RandomState(3).uniform(size=(4, *tiny.IMAGE_SHAPE)).astype("float32")


def as_bytes(images):
    return np.round(np.asarray(images) * 255).astype("uint8")


def test_the_pixels_loss_is_that_of_the_paper():
    weights = DataFreeTerms(
        deep_inversion_statistics_weight=0.5,
        deep_inversion_variation_weight=0.25,
        deep_inversion_norm_weight=0.125,
        deep_inversion_competition_weight=3.0,
    )
    made = distiller("deep_inversion", loss_weights=weights)
    logits = made.teacher(IMAGES, training=False).numpy()
    student_logits = made.student(IMAGES, training=False).numpy()
    expected = (
        -np.log(probs64(logits)[np.arange(4), np.arange(4)]).mean()
        + 0.5 * statistics64(made.teacher, IMAGES)
        + 0.25 * total_variation64(IMAGES.astype("float64"))
        + 0.125 * np.linalg.norm(IMAGES)
        + 3.0 * competition64(logits, student_logits)
    )
    before = tiny.values(made.student)
    np.testing.assert_allclose(made.pixel_loss(tf.constant(IMAGES)), expected, rtol=1e-4)
    assert tiny.same_bits(before, tiny.values(made.student))  # statistics too


def test_classes_are_asked_for_in_turn_on_from_batch_to_batch():
    made = distiller("deep_inversion")  # 5 classes, batches of 4, 2 rounds each
    asked = []
    for number in range(5):
        made.rounds_played.assign(number)
        asked.append(made.labels().numpy().tolist())
    assert asked == [[0, 1, 2, 3]] * 2 + [[4, 0, 1, 2]] * 2 + [[3, 4, 0, 1]]


def test_a_finished_batch_goes_to_the_bank_and_the_next_starts_from_noise():
    made, batch = distiller("deep_inversion"), tiny.batch(student_steps=1)
    first = made.pixels.unbounded.numpy()
    made.train_step(batch)
    assert int(made.bank.written) == 0
    moved = made.pixels.unbounded.numpy() - first
    # Adam's first step is its rate, wherever there is a slope.
    np.testing.assert_allclose(np.abs(moved[moved != 0]).max(), 0.1, rtol=1e-3)
    np.testing.assert_array_equal(made.samples(2), made.pixels.unit_images()[:2])
    made._update_pixels()
    unfinished = as_bytes(made.pixels.unit_images())
    made._finish_batch_if_due()
    assert int(made.bank.written) == 4
    np.testing.assert_array_equal(as_bytes(made.samples(4))[::-1], unfinished)
    noise = made.pixels.unbounded.numpy()
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1 and (noise != first).any()
    assert int(made.pixels_optimizer.iterations) == 0
    momenta = [v.numpy() for v in made.pixels_optimizer.variables if v.shape == noise.shape]
    assert len(momenta) == 2 and not np.any(momenta)
    np.testing.assert_allclose(made.pixels_optimizer.learning_rate, 0.1, rtol=1e-6)


def test_the_student_sees_the_bank_as_soon_as_there_is_one(monkeypatch):
    made, seen = distiller("deep_inversion"), []
    monkeypatch.setattr(made, "update_student", lambda images: seen.append(as_bytes(images)))

    def rows(images):
        return {image.tobytes() for image in images}

    made.train_step(tiny.batch(student_steps=2))
    assert [x.shape for x in seen] == [(4, *tiny.IMAGE_SHAPE)] * 2
    assert rows(np.concatenate(seen)) <= rows(as_bytes(made.pixels.unit_images()))
    made.train_step(tiny.batch(student_steps=1))
    seen.clear()
    made.train_step(tiny.batch(student_steps=3))
    assert rows(np.concatenate(seen)) <= rows(as_bytes(made.bank.latest(4)))
    assert len({x.tobytes() for x in seen}) > 1  # drawn anew for each update


def test_the_teacher_sees_the_pixels_rolled_by_up_to_two_both_ways(monkeypatch):
    made, seen = distiller("deep_inversion"), []
    pixel_loss = made.pixel_loss
    monkeypatch.setattr(made, "pixel_loss", lambda x: seen.append(x.numpy()) or pixel_loss(x))
    rolls = {(y, x) for y in range(-2, 3) for x in range(-2, 3)}
    found = []
    for number in range(12):
        made.rounds_played.assign(number)
        images = made.pixels.unit_images().numpy()
        made._update_pixels()
        found += [s for s in rolls if np.array_equal(np.roll(images, s, (1, 2)), seen[-1])]
    assert len(found) == 12  # each round one and the same for all images of the batch
    assert all(len(set(shifts)) > 2 for shifts in zip(*found, strict=True))


def test_pixels_become_images_of_the_classes_asked_for():
    weights = DataFreeTerms(deep_inversion_statistics_weight=0.0, deep_inversion_steps=1000)
    made = distiller("deep_inversion", loss_weights=weights)
    step = tf.function(made._update_pixels, autograph=False)
    values = []
    for _ in range(60):
        made.reset_metrics()
        step()
        values.append(float(made.trackers["classification_loss"].result()))
    assert values[-1] < values[0] - 0.01


def test_the_same_seed_gives_the_same_noise_and_another_seed_another():
    one, again, other = (
        distiller("deep_inversion", seed=seed).pixels.unbounded.numpy() for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again) and (one != other).any()


def test_a_bank_smaller_than_a_batch_is_refused():
    players = tiny.data_free_players()
    del players["generator"]
    with pytest.raises(RequestError, match="must hold the 8 images of a batch. Received: 6"):
        DeepInversionDistiller(**players, loss_weights=WEIGHTS, batch_size=8)
