"""Mosaic with a warm-up of the generator and with images that it made before."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import DistillConfig, OptimizationConfig
from mosaickd_tf.data.augmentation import change_contrast, contrast_draws
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.methods.mosaic import MosaicConfig
from mosaickd_tf.methods.noise import GENERATOR, PHOTOMETRIC, STUDENT, transformed
from tests import tiny
from tests.methods.harness import IMAGES, all_of, build, changed, resumed, run_round, run_rounds

REPLAY = MosaicConfig(replay_images=6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_the_warm_up_the_student_does_not_learn_and_then_it_does(jit_compile):
    # Its statistics move in the generator's update, as in the official code.
    mosaic = build("mosaic", warmup_rounds=2, jit_compile=jit_compile)
    others = all_of("generator", "discriminator") | {("student", "statistics")}
    assert changed(mosaic, lambda: run_rounds(mosaic, 2)) == others
    assert changed(mosaic, lambda: run_rounds(mosaic, 1)) == others | all_of("student")


def test_after_the_warm_up_a_round_is_that_of_a_run_without_one():
    warm, plain = build("mosaic", warmup_rounds=1), build("mosaic")
    for mosaic in (warm, plain):
        mosaic.rounds_completed.assign(1)
        run_round(mosaic)
    for network in warm.networks:
        assert tiny.same_bits(*(tiny.values(getattr(x, network)) for x in (warm, plain)))


def test_the_student_s_loss_is_unrecorded_in_the_warm_up():
    mosaic = build("mosaic", warmup_rounds=1)
    run_round(mosaic)
    assert mosaic.unrecorded == ["distillation_loss"]
    run_round(mosaic)
    assert mosaic.unrecorded == []


def test_the_share_of_the_config_becomes_rounds():
    config = DistillConfig(optimization=OptimizationConfig(rounds=9))
    methods = config.methods | {"mosaic": MosaicConfig(generator_warmup=0.5)}
    arguments = MosaicDistiller.arguments(dataclasses.replace(config, methods=methods))
    assert arguments["warmup_rounds"] == 4
    assert MosaicDistiller.arguments(config)["warmup_rounds"] == 0


def test_a_round_keeps_the_images_of_the_generator_s_update():
    mosaic = build("mosaic", config=REPLAY)
    made = mosaic.generator(mosaic.noise(4, GENERATOR), training=True).numpy()
    run_round(mosaic)
    kept = mosaic.memory.latest(4).numpy()[::-1]
    np.testing.assert_allclose(kept, made, atol=0.5 / 255 + 1e-6)


def test_the_student_sees_kept_images_and_then_ood_images():
    mosaic = build("mosaic", config=REPLAY)
    mosaic.memory.add(tf.constant(1 - IMAGES), mosaic.teacher(1 - IMAGES))
    batch = {"transfer_images": tf.constant(np.stack([IMAGES, IMAGES], axis=1))}
    seen = mosaic.student_images(batch, 0).numpy()
    again, other = (mosaic.student_images(batch, k).numpy() for k in (0, 1))
    np.testing.assert_array_equal(seen[4:], IMAGES)
    for image in seen[:4]:
        assert np.abs(1 - IMAGES - image).max(axis=(1, 2, 3)).min() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(seen, again)
    assert not np.array_equal(seen[:4], other[:4])


def test_kept_images_alone_are_twice_as_many():
    config = dataclasses.replace(REPLAY, student_images="synthetic")
    mosaic = build("mosaic", config=config)
    mosaic.memory.add(tf.constant(IMAGES[:2]), mosaic.teacher(IMAGES[:2]))
    batch = {"transfer_images": tf.constant(IMAGES[:, None])}
    images, first, last = mosaic.student_batch(batch, 0)
    assert (len(images), len(first), last) == (8, 8, None)


def test_transformed_images_are_kept_with_the_logits_that_the_teacher_gave_them():
    config = dataclasses.replace(REPLAY, transform_synthetic=True)
    mosaic = build("mosaic", config=config)
    made = mosaic.generator(mosaic.noise(4, GENERATOR), training=True)
    seen = transformed(made, mosaic, GENERATOR).numpy()
    assert not np.allclose(seen, made, atol=0.1)
    run_round(mosaic)
    np.testing.assert_allclose(mosaic.memory.latest(4)[::-1], seen, atol=0.5 / 255 + 1e-6)
    expected = mosaic.teacher(seen, training=False)
    np.testing.assert_allclose(mosaic.memory.logits[:4], expected, rtol=1e-4, atol=1e-5)


def test_kept_images_are_shown_to_the_student_as_they_are_kept():
    config = dataclasses.replace(REPLAY, student_images="synthetic", transform_synthetic=True)
    mosaic = build("mosaic", config=config)
    mosaic.memory.add(tf.constant(IMAGES[:1]), mosaic.teacher(IMAGES[:1]))
    batch = {"transfer_images": tf.constant(IMAGES[:, None])}
    images = mosaic.student_images(batch, 0)
    np.testing.assert_allclose(images, np.repeat(IMAGES[:1], 8, axis=0), atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("kind", ["both", "synthetic"])
def test_with_known_logits_an_update_is_that_in_which_the_teacher_gives_them(kind):
    config = dataclasses.replace(REPLAY, student_images=kind)
    batch = {"transfer_images": tf.constant(IMAGES[:, None])}
    images = np.round(IMAGES * 255) / np.float32(255)
    losses = []
    for known in (True, False):
        mosaic = build("mosaic", config=config)
        mosaic.memory.add(images, mosaic.teacher(images, training=False))
        seen, *known_logits = mosaic.student_batch(batch, 0)
        mosaic.update_student(seen, *(known_logits if known else ()))
        losses.append(float(mosaic.term_means["distillation_loss"].result()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_with_ood_images_alone_no_logits_are_known():
    mosaic = build("mosaic", config=dataclasses.replace(REPLAY, student_images="ood"))
    batch = {"transfer_images": tf.constant(IMAGES[:, None])}
    images, *known_logits = mosaic.student_batch(batch, 0)
    np.testing.assert_array_equal(images, IMAGES)
    assert known_logits == [None, None]


def test_a_round_adds_a_batch_to_what_is_kept():
    mosaic = build("mosaic", config=REPLAY)
    run_rounds(mosaic, 1)
    assert int(mosaic.memory.written) == 4
    run_rounds(mosaic, 1)
    assert (int(mosaic.memory.written), int(mosaic.memory.filled)) == (8, 6)
    assert float(tf.reduce_min(tf.reduce_max(mosaic.memory.latest(6), axis=(1, 2, 3)))) > 0


def test_a_run_resumes_with_the_images_that_were_kept(tmp_path):
    def make(seed):
        mosaic = build("mosaic", config=REPLAY, warmup_rounds=2)
        for network in mosaic.networks:  # as if built from another seed
            for variable in getattr(mosaic, network).trainable_variables:
                variable.assign(variable + 0.5 * seed)
        return mosaic

    whole, again = resumed(make, tmp_path)
    assert len(whole) == len(again) and tiny.same_bits(whole, again)


def test_without_kept_images_a_checkpoint_is_as_before():
    assert "memory" not in build("mosaic").state()
    assert "memory" in build("mosaic", config=REPLAY).state()


@pytest.mark.parametrize("kind", ["both", "synthetic", "ood"])
def test_with_photometric_augmentation_teacher_and_student_see_changed_images(kind, monkeypatch):
    plain = dataclasses.replace(REPLAY, student_images=kind)
    config = dataclasses.replace(plain, photometric_augmentation=True)
    batch = {"transfer_images": tf.constant(IMAGES[:, None])}
    images = []
    for chosen in (plain, config):
        mosaic = build("mosaic", config=chosen)
        mosaic.memory.add(IMAGES, mosaic.teacher(IMAGES, training=False))
        images.append(mosaic.student_batch(batch, 0))
    (as_they_are, *_), (seen, *known_logits) = images
    draws = contrast_draws(len(seen), mosaic.stateless_seed(PHOTOMETRIC + STUDENT))
    np.testing.assert_array_equal(seen, change_contrast(as_they_are, draws))
    assert known_logits == [None, None] and not mosaic.takes_known_logits
    taught = []
    monkeypatch.setitem(mosaic.__dict__, "teacher", lambda x, training: taught.append(x) or 0.0 * x)
    monkeypatch.setattr(mosaic.task, "distillation_loss", lambda *logits: tf.constant(0.0))
    monkeypatch.setattr(mosaic, "apply_gradients", lambda *arguments: None)
    mosaic.update_student(seen, *known_logits)
    np.testing.assert_array_equal(taught[0], seen)


def test_the_contrast_is_another_one_in_each_update():
    mosaic = build(
        "mosaic", config=MosaicConfig(student_images="ood", photometric_augmentation=True)
    )
    batch = {"transfer_images": tf.constant(np.stack([IMAGES, IMAGES], axis=1))}
    first, again, other = (mosaic.student_images(batch, k).numpy() for k in (0, 0, 1))
    mosaic.rounds_completed.assign_add(1)
    later = mosaic.student_images(batch, 0).numpy()
    np.testing.assert_array_equal(first, again)
    for images in (IMAGES, other, later):
        assert np.abs(first - images).max(axis=(1, 2, 3)).min() > 0.01
