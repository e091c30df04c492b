"""With `skip_nonfinite` a round of broken images spoils no network of any method."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config.method import OOD_IMAGES
from mosaickd_tf.methods import METHODS
from tests import tiny
from tests.methods import harness

FROM_OOD = [name for name, kind in METHODS.items() if OOD_IMAGES in kind.method.needs]
DATA_FREE = [name for name in METHODS if name not in FROM_OOD]


def build(name):
    arguments = {"teacher_rounds": 0} if name == "sskd" else {}
    return harness.build(name, skip_nonfinite=True, **arguments)


def weights(distiller):
    """Returns the values of the student's trainable variables."""
    return [variable.numpy() for variable in distiller.student.trainable_variables]


def assert_finite(terms, distiller):
    for array in [*(float(x) for x in terms.values()), *harness.state(distiller)]:
        assert np.isfinite(array).all()


def assert_next_round_is_finite(distiller, before):
    """Runs a round of intact images; the student changes, and everything is finite."""
    skipped = distiller.skipped_updates
    terms = harness.run_round(distiller)
    assert distiller.skipped_updates == skipped
    assert not tiny.same_bits(before, weights(distiller))
    assert_finite(terms, distiller)


@pytest.mark.parametrize("name", FROM_OOD)
def test_broken_ood_images_are_skipped_and_the_next_round_is_as_usual(name):
    distiller, broken = build(name), harness.batch()
    broken["transfer_images"][1] = np.nan  # in both updates
    before = weights(distiller)
    step = tf.function(distiller.train_step, autograph=False)
    terms = step(tf.nest.map_structure(tf.constant, broken))
    assert distiller.skipped_updates == 2
    assert tiny.same_bits(before, weights(distiller))
    assert_finite(terms, distiller)
    assert int(distiller.student_optimizer.iterations) == 2  # schedules continue
    assert_next_round_is_finite(distiller, before)


@pytest.mark.parametrize("name", DATA_FREE)
def test_broken_synthetic_images_are_skipped_and_the_next_round_is_as_usual(name, monkeypatch):
    distiller = build(name)
    before = weights(distiller)
    with monkeypatch.context() as patch:
        if name == "deep_inversion":
            nan = tf.fill(distiller.pixels.batch_shape, np.float32("nan"))
            patch.setattr(distiller.pixels, "unit_images", lambda: nan)
        else:
            patch.setattr(distiller, "noise", lambda size, purpose: tf.fill((size, 6), np.nan))
        terms = distiller.train_step(tf.nest.map_structure(tf.constant, harness.batch()))
    assert distiller.skipped_updates == 1 + 2
    assert tiny.same_bits(before, weights(distiller))
    assert_finite(terms, distiller)
    assert_next_round_is_finite(distiller, before)
