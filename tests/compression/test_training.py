"""The wrapped student learns from the teacher; nobody else is touched."""

import os
import signal

import keras
import numpy as np
import pytest

from mosaickd_tf import losses
from mosaickd_tf.compression import training
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.errors import Interrupted, RunError
from tests import tiny
from tests.compression import IMAGES, batches, distiller, student

LEARNING = {"rounds": 20, "learning_rate": 1e-2}


def loss(model):
    images = IMAGES.astype("float32")
    teacher_logits = distiller().teacher(images / 255, training=False)
    return float(losses.distillation_loss(teacher_logits, model(images, training=False), 1.0))


def test_the_student_comes_nearer_to_the_teacher_and_all_others_stay_as_they_are():
    twin = to_tf_keras(student(), IMAGES)
    before, at_first = tiny.values(distiller()), loss(twin)
    training.tune(twin, distiller(), batches, **LEARNING)
    assert loss(twin) < 0.5 * at_first
    assert tiny.same_bits(before, tiny.values(distiller()))


def test_the_images_are_those_of_the_first_update_and_nothing_moves():
    before = tiny.values(distiller())
    images = training.images(distiller(), next(iter(batches(0))))
    assert images.dtype == np.uint8 and images.shape == (8, 8, 8, 3)  # synthetic ones and OOD ones
    ood = next(iter(batches(0)))["transfer_images"][:, 0]
    np.testing.assert_array_equal(images[4:], np.round(ood * 255))
    assert tiny.same_bits(before, tiny.values(distiller()))


def test_the_same_again_gives_the_same_and_each_update_is_followed_by_what_has_to_follow():
    count = keras.Variable(0)
    twins = [to_tf_keras(student(), IMAGES) for _ in range(2)]
    for twin, after_update in zip(twins, (None, lambda: count.assign_add(1)), strict=True):
        training.tune(
            twin, distiller(), batches, rounds=3, learning_rate=1e-3, after_update=after_update
        )
    assert tiny.same_bits(*(twin.get_weights() for twin in twins))
    assert int(count) == training.updates(3, next(iter(batches(0)))) == 3 * 2


def test_a_loss_that_is_no_number_ends_it():
    twin = to_tf_keras(student(), IMAGES)
    twin.get_layer("logits").bias.assign(np.full(5, np.nan))  # behind any ReLU that may hide it
    with pytest.raises(RunError, match="became nan in round 0.*--compression_l.*--pruning_l"):
        training.tune(twin, distiller(), batches, **LEARNING, name="pruned_50")


def test_a_signal_ends_it_after_the_round():
    def stream(start):
        for batch in batches(start):
            os.kill(os.getpid(), signal.SIGTERM) if started else started.append(True)
            yield batch

    started = []
    with pytest.raises(Interrupted):
        training.tune(to_tf_keras(student(), IMAGES), distiller(), stream, **LEARNING)
