"""Weights of zero, images of one kind, the statistics term and transforms of MosaicKD."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS, MosaicDistiller
from mosaickd_tf.methods.mosaic import MosaicConfig
from mosaickd_tf.methods.noise import transformed
from tests import tiny
from tests.methods.harness import all_of, build, changed, recorded, run_round, run_rounds

IMAGES = np.random.RandomState(3).uniform(size=(4, *tiny.IMAGE_SHAPE)).astype("float32")
ZERO = MosaicConfig(local_weight=0, align_weight=0, adversarial_weight=0, balance_weight=0)


def as_bytes(images):
    return [np.round(image * 255).astype("uint8").tobytes() for image in np.asarray(images)]


def test_a_local_weight_of_0_leaves_the_discriminator_untouched():
    mosaic = build("mosaic", config=MosaicConfig(local_weight=0.0))
    moved = changed(mosaic, lambda: run_round(mosaic))
    assert moved == all_of("student", "generator")


@pytest.mark.parametrize("term", ["align", "balance", "adversarial", "local"])
def test_a_term_of_weight_0_is_not_computed(term, monkeypatch):
    name = {
        "align": "label_space_alignment_loss",
        "balance": "class_balance_loss",
        "local": "local_patch_loss",
        "adversarial": "adversarial_loss",
    }[term]
    mosaic = build("mosaic", config=MosaicConfig(**{f"{term}_weight": 0.0}))
    monkeypatch.setattr(losses if term == "local" else mosaic.task, name, None)
    before = tiny.values(mosaic.student)
    loss = mosaic.generator_loss(IMAGES)
    assert np.isfinite(float(loss)) and np.count_nonzero(list(recorded(mosaic).values())) == 3
    assert tiny.same_bits(before, tiny.values(mosaic.student)) is (term == "adversarial")


def test_all_weights_of_0_are_refused():
    with pytest.raises(RequestError, match="weight above 0 of .*`adversarial_weight`") as caught:
        MosaicDistiller(**tiny.plain_networks(), config=ZERO)
    assert len(str(caught.value).splitlines()) == 1


def test_the_statistics_term_alone_is_enough_of_a_loss():
    mosaic = MosaicDistiller(**tiny.plain_networks(), config=ZERO, statistics_weight=1.0)
    mosaic.compile(jit_compile=False)
    terms = run_round(mosaic)
    assert terms["statistics_loss"] > 0 and terms["distillation_loss"] > 0
    others = set(terms) - {"statistics_loss", "distillation_loss"}
    assert {terms[name] for name in others} == {0.0}


@pytest.mark.parametrize("kind", ["synthetic", "ood"])
def test_of_one_kind_alone_the_student_sees_as_many_images_as_of_both(kind, monkeypatch):
    mosaic = build("mosaic", config=MosaicConfig(student_images=kind))
    seen, classified = [], []
    batch = tiny.batch(batch_size=4 * mosaic.transfer_factor)
    update = mosaic.update_discriminator
    monkeypatch.setattr(mosaic, "update_student", lambda images, *_: seen.append(images))
    monkeypatch.setattr(
        mosaic,
        "update_discriminator",
        lambda x, fake: (classified.append((x, fake)), update(x, fake)),
    )
    mosaic.train_step(tf.nest.map_structure(tf.constant, batch))
    real, fake = classified[0]
    np.testing.assert_array_equal(real, batch["patch_images"][:4])
    assert fake.shape == (4, *tiny.IMAGE_SHAPE)
    assert [x.shape for x in seen] == [(8, *tiny.IMAGE_SHAPE)] * 2
    for k, images in enumerate(seen):
        if kind == "ood":
            np.testing.assert_array_equal(images, batch["transfer_images"][:, k])
        else:
            assert len(set(as_bytes(images))) == 8
            assert not set(as_bytes(images)) & set(as_bytes(batch["transfer_images"][:, k]))


@pytest.mark.parametrize("kind, factor", [("both", 1), ("synthetic", 1), ("ood", 2)])
def test_the_stream_gives_twice_the_images_where_the_student_sees_ood_ones_alone(kind, factor):
    mosaic = build("mosaic", config=MosaicConfig(student_images=kind))
    assert mosaic.transfer_factor == factor
    others = [name for name in METHODS if name != "mosaic"]
    assert {build(name).transfer_factor for name in others} == {2}


# Transforms of synthetic images.


def test_without_transforms_teacher_and_student_see_the_generator_s_images():
    mosaic = build("mosaic")
    assert transformed(IMAGES, mosaic, purpose=0) is IMAGES


def test_transforms_are_another_draw_for_each_purpose_and_round():
    mosaic = build("mosaic", config=MosaicConfig(transform_synthetic=True))
    first, again, other = (transformed(IMAGES, mosaic, purpose).numpy() for purpose in (0, 0, 3))
    mosaic.rounds_completed.assign_add(1)
    later = transformed(IMAGES, mosaic, 0).numpy()
    np.testing.assert_array_equal(first, again)
    assert first.shape == IMAGES.shape and 0 <= first.min() and first.max() <= 1
    for images in (IMAGES, other, later):
        assert np.abs(first - images).max(axis=(1, 2, 3)).min() > 0.01


def test_teacher_and_student_see_transformed_images_and_the_discriminator_does_not(monkeypatch):
    mosaic = build("mosaic", config=MosaicConfig(transform_synthetic=True, local_weight=1.0))
    seen = {}
    for name in ("teacher", "student", "discriminator"):
        network = getattr(mosaic, name)

        def call(images, training, name=name, network=network):
            seen.setdefault(name, np.asarray(images))
            return network(images, training=training)

        monkeypatch.setitem(mosaic.__dict__, name, call)
    mosaic.generator_loss(tf.constant(IMAGES))
    expected = transformed(IMAGES, mosaic, purpose=0)
    np.testing.assert_array_equal(seen["teacher"], expected)
    np.testing.assert_array_equal(seen["student"], expected)
    np.testing.assert_array_equal(seen["discriminator"], IMAGES)


def test_the_student_learns_from_transformed_images_and_from_ood_images_as_they_come():
    plain, mosaic = (
        build("mosaic", config=MosaicConfig(transform_synthetic=on)) for on in (False, True)
    )
    mosaic.generator.set_weights(plain.generator.get_weights())
    batch = {"transfer_images": tf.constant(IMAGES[:, None])}
    images, changed = (x.student_images(batch, 0).numpy() for x in (plain, mosaic))
    half = len(images) // 2
    np.testing.assert_array_equal(images[half:], changed[half:])
    np.testing.assert_array_equal(changed[:half], transformed(images[:half], mosaic, 3))


def test_a_run_with_transforms_that_resumes_continues_with_the_same_draws(tmp_path):
    config = MosaicConfig(transform_synthetic=True)
    whole, stopped, resumed = (build("mosaic", config=config) for _ in range(3))
    run_rounds(whole, 4)
    run_rounds(stopped, 3)
    path = tf.train.Checkpoint(**stopped.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    run_rounds(resumed, 1)
    again, never_stopped = run_rounds(resumed, 1), run_rounds(whole, 1)
    assert again == pytest.approx(never_stopped, rel=1e-5)
