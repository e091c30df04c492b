"""DAFL's objective against NumPy in float64, and the layer that it needs."""

import math

import numpy as np
import pytest

from mosaickd_tf.config import DataFreeTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import DaflDistiller
from tests import tiny
from tests.methods.test_data_free import distiller

IMAGES = np.random.RandomState(3).uniform(size=(6, *tiny.IMAGE_SHAPE)).astype("float32")


def test_the_generator_s_loss_is_that_of_the_paper():
    weights = DataFreeTerms(
        dafl_one_hot_weight=2.0, dafl_activation_weight=0.3, dafl_balance_weight=7.0
    )
    made = distiller("dafl", loss_weights=weights)
    teacher = made.teacher
    pooled = IMAGES
    for layer in teacher.layers[:4]:
        pooled = layer(pooled)
    pooled = pooled.numpy().astype("float64")
    logits = teacher(IMAGES, training=False).numpy().astype("float64")
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    marginal = p.mean(axis=0)
    balance = (marginal * np.log(marginal)).sum()
    expected = 2.0 * -np.log(p.max(-1)).mean() - 0.3 * np.abs(pooled).mean() + 7.0 * balance
    np.testing.assert_allclose(made.generator_loss(IMAGES), expected, rtol=1e-5)
    reported = float(made.trackers["class_balance_loss"].result())
    assert reported == pytest.approx(balance / math.log(2.0), rel=1e-5)  # in bits


def test_the_student_is_not_asked_what_it_thinks_of_the_generator_s_images():
    made = distiller("dafl")
    before = tiny.values(made.student)
    made.update_generator(4)
    assert tiny.same_bits(before, tiny.values(made.student))


def test_networks_of_ours_name_their_features_and_others_are_told():
    assert DaflDistiller.watched_layers(tiny.classifier()) == ["features"]
    with pytest.raises(RequestError, match="--teacher_layers. Received: 0 layers"):
        DaflDistiller(**tiny.data_free_players())
