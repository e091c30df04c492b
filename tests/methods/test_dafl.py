"""DAFL's objective against NumPy in float64, and the layer that it needs."""

import math

import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import DaflDistiller
from mosaickd_tf.methods.dafl import DaflConfig
from tests import tiny
from tests.losses import softmax64
from tests.methods.harness import build, minimized, networks

IMAGES = np.random.RandomState(3).uniform(size=(6, *tiny.IMAGE_SHAPE)).astype("float32")


def test_the_generator_s_loss_is_that_of_the_paper():
    config = DaflConfig(one_hot_weight=2.0, activation_weight=0.3, balance_weight=7.0)
    dafl = build("dafl", config=config)
    teacher = dafl.teacher
    pooled = IMAGES
    for layer in teacher.layers[:4]:
        pooled = layer(pooled)
    pooled = pooled.numpy().astype("float64")
    p = softmax64(teacher(IMAGES, training=False))
    marginal = p.mean(axis=0)
    balance = (marginal * np.log(marginal)).sum()
    expected = 2.0 * -np.log(p.max(-1)).mean() - 0.3 * np.abs(pooled).mean() + 7.0 * balance
    np.testing.assert_allclose(dafl.generator_loss(IMAGES), expected, rtol=1e-5)
    reported = float(dafl.term_means["class_balance_loss"].result())
    assert reported == pytest.approx(balance / math.log(2.0), rel=1e-5)  # in bits


def test_the_student_does_not_see_the_generator_s_images():
    dafl = build("dafl")
    before = tiny.values(dafl.student)
    dafl.generator_loss(dafl.generator(dafl.noise(4, 0), training=True))
    assert tiny.same_bits(before, tiny.values(dafl.student))


def test_the_generator_s_loss_is_minimized_for_the_generator():
    dafl = build("dafl")
    losses = minimized(dafl, lambda: dafl.train_step(tiny.batch(student_steps=1)))
    assert set(losses) == {"generator", "student"}
    dafl.rounds_completed.assign(0)
    images = dafl.generator(dafl.noise(4, 0), training=True)
    np.testing.assert_allclose(losses["generator"], dafl.generator_loss(images), rtol=1e-5)


def test_the_features_of_networks_of_this_package_are_found_and_others_are_refused():
    dafl = DaflDistiller(
        teacher=tiny.classifier(0),
        student=tiny.classifier(1),
        generator=tiny.plain_networks()["generator"],
    )
    assert [layer.name for layer in dafl.teacher_capture.layers] == ["features"]
    with pytest.raises(RequestError, match="`teacher_layers`. Received: 0 layers"):
        DaflDistiller(**networks("dafl"))
