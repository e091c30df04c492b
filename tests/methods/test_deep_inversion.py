"""DeepInversion: the loss of the pixels, when a batch is finished, what the student sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import DeepInversionDistiller
from mosaickd_tf.methods.deep_inversion import DeepInversionConfig
from tests import tiny
from tests.losses import softmax64
from tests.losses.test_images import total_variation64
from tests.losses.test_synthesis import competition64
from tests.methods.harness import build, changed, networks, recorded, statistics64

IMAGES = np.random.RandomState(3).uniform(size=(4, *tiny.IMAGE_SHAPE)).astype("float32")


def short(**options):
    """Builds a distiller whose batches take two rounds and whose bank holds six images."""
    seed = options.pop("seed", 2)
    config = DeepInversionConfig(**{"steps": 2, "bank": 6} | options)
    return build("deep_inversion", config=config, seed=seed)


def as_bytes(images):
    return np.round(np.asarray(images) * 255).astype("uint8")


def test_the_pixels_loss_is_that_of_the_paper():
    inversion = short(
        statistics_weight=0.5, variation_weight=0.25, norm_weight=0.125, competition_weight=3.0
    )
    logits = inversion.teacher(IMAGES, training=False).numpy()
    student_logits = inversion.student(IMAGES, training=False).numpy()
    expected = (
        -np.log(softmax64(logits)[np.arange(4), np.arange(4)]).mean()
        + 0.5 * statistics64(inversion.teacher, IMAGES)
        + 0.25 * total_variation64(IMAGES.astype("float64"))
        + 0.125 * np.linalg.norm(IMAGES)
        + 3.0 * competition64(logits, student_logits)
    )
    before = tiny.values(inversion.student)
    np.testing.assert_allclose(inversion.pixel_loss(tf.constant(IMAGES)), expected, rtol=1e-4)
    assert tiny.same_bits(before, tiny.values(inversion.student))  # statistics too


def test_classes_take_turns_from_batch_to_batch():
    inversion = short()  # 5 classes, batches of 4, 2 rounds each
    labels = []
    for number in range(5):
        inversion.rounds_completed.assign(number)
        labels.append(inversion.labels().numpy().tolist())
    assert labels == [[0, 1, 2, 3]] * 2 + [[4, 0, 1, 2]] * 2 + [[3, 4, 0, 1]]


def test_a_finished_batch_goes_to_the_bank_and_the_next_starts_from_noise(monkeypatch):
    inversion, batch = short(), tiny.batch(student_steps=1)
    first = inversion.pixels.unbounded.numpy()
    inversion.train_step(batch)
    assert int(inversion.bank.written) == 0
    moved = inversion.pixels.unbounded.numpy() - first
    # Adam's first step is its rate, wherever there is a slope.
    np.testing.assert_allclose(np.abs(moved[moved != 0]).max(), 0.1, rtol=1e-3)
    np.testing.assert_array_equal(inversion.samples(2), inversion.pixels.unit_images()[:2])
    finished, reset = [], inversion.pixels.reset
    monkeypatch.setattr(
        inversion.pixels,
        "reset",
        lambda seed: (finished.append(as_bytes(inversion.pixels.unit_images())), reset(seed)),
    )
    inversion.train_step(batch)
    assert int(inversion.bank.written) == 4 and len(finished) == 1
    np.testing.assert_array_equal(as_bytes(inversion.samples(4))[::-1], finished[0])
    noise = inversion.pixels.unbounded.numpy()
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1 and (noise != first).any()
    optimizer = inversion.pixels_optimizer
    assert int(optimizer.iterations) == 0
    momenta = [v.numpy() for v in optimizer.variables if v.shape == noise.shape]
    assert len(momenta) == 2 and not np.any(momenta)
    np.testing.assert_allclose(optimizer.learning_rate, 0.1, rtol=1e-6)


def test_the_student_sees_the_bank_as_soon_as_there_is_one(monkeypatch):
    inversion, seen = short(), []
    monkeypatch.setattr(inversion, "update_student", lambda images: seen.append(as_bytes(images)))

    def rows(images):
        return {image.tobytes() for image in images}

    inversion.train_step(tiny.batch(student_steps=2))
    assert [x.shape for x in seen] == [(4, *tiny.IMAGE_SHAPE)] * 2
    assert rows(np.concatenate(seen)) <= rows(as_bytes(inversion.pixels.unit_images()))
    inversion.train_step(tiny.batch(student_steps=1))
    seen.clear()
    inversion.train_step(tiny.batch(student_steps=3))
    assert rows(np.concatenate(seen)) <= rows(as_bytes(inversion.bank.latest(4)))
    assert len({x.tobytes() for x in seen}) > 1  # drawn anew for each update


def test_the_teacher_sees_the_pixels_shifted_by_up_to_two_both_ways(monkeypatch):
    inversion, seen, before = short(steps=1000), [], []
    pixel_loss = inversion.pixel_loss

    def note(images):
        before.append(inversion.pixels.unit_images().numpy())
        seen.append(images.numpy())
        return pixel_loss(images)

    monkeypatch.setattr(inversion, "pixel_loss", note)
    monkeypatch.setattr(inversion, "update_student", lambda images: None)
    shifts = {(y, x) for y in range(-2, 3) for x in range(-2, 3)}
    found = []
    for number in range(12):
        inversion.train_step(tiny.batch(student_steps=1))
        found += [s for s in shifts if np.array_equal(np.roll(before[number], s, (1, 2)), seen[-1])]
    assert len(found) == 12  # each round one and the same for all images of the batch
    assert all(len(set(shift)) > 2 for shift in zip(*found, strict=True))


def test_pixels_become_images_of_the_classes_that_they_aim_at(monkeypatch):
    inversion = short(statistics_weight=0.0, steps=1000)
    monkeypatch.setattr(inversion, "update_student", lambda images: None)
    step, batch = tf.function(inversion.train_step, autograph=False), tiny.batch(student_steps=1)
    values = []
    for _ in range(120):
        inversion.reset_metrics()
        step(batch)
        values.append(recorded(inversion)["classification_loss"])
    assert values[-1] < values[0] - 0.01


def test_an_update_of_the_student_changes_no_pixel():
    inversion = short()
    moved = changed(inversion, lambda: inversion.update_student(tf.constant(IMAGES)))
    assert moved == {("student", part) for part in ("weights", "statistics", "optimizer")}


def test_the_same_seed_gives_the_same_noise_and_another_seed_another():
    one, again, other = (short(seed=seed).pixels.unbounded.numpy() for seed in (1, 1, 2))
    assert np.array_equal(one, again) and (one != other).any()


def test_pixels_have_adam_at_the_configured_rate():
    inversion = short(learning_rate=0.3)
    assert isinstance(inversion.pixels_optimizer, keras.optimizers.Adam)
    np.testing.assert_allclose(float(inversion.pixels_optimizer.learning_rate), 0.3, rtol=1e-6)


def test_a_bank_smaller_than_a_batch_is_refused():
    with pytest.raises(RequestError, match="must hold the 8 images of a batch. Received: 6"):
        DeepInversionDistiller(
            **networks("deep_inversion"), config=DeepInversionConfig(bank=6), batch_size=8
        )


def test_a_teacher_of_unknown_shapes_is_refused():
    given = {name: tiny.Subclassed(model) for name, model in networks("deep_inversion").items()}
    with pytest.raises(RequestError, match="whose shapes Keras knows"):
        DeepInversionDistiller(**given, batch_size=4)
