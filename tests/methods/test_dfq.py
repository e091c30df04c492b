"""DFQ's objective against NumPy in float64, and the statistics that it needs."""

import keras
import numpy as np
import pytest

from mosaickd_tf.config import DataFreeTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import DfqDistiller
from tests import tiny
from tests.methods.test_data_free import distiller
from tests.methods.test_zskt import divergence64, probs64

IMAGES = np.random.RandomState(3).uniform(size=(6, *tiny.IMAGE_SHAPE)).astype("float32")


def statistics64(teacher, images):
    """Distance of the convolution's output from what the normalisation behind it remembers."""
    convolved = teacher.layers[0](images).numpy()
    rows = convolved.astype("float64").reshape(-1, convolved.shape[-1])
    norm = teacher.layers[1]
    return np.linalg.norm(rows.mean(0) - norm.moving_mean.numpy()) + np.linalg.norm(
        rows.var(0) - norm.moving_variance.numpy()
    )


def test_the_generator_s_loss_is_the_four_terms_in_nats():
    weights = DataFreeTerms(
        dfq_adversarial_weight=2.0,
        dfq_statistics_weight=0.5,
        dfq_entropy_weight=3.0,
        dfq_balance_weight=7.0,
    )
    made = distiller("dfq", loss_weights=weights)
    made.teacher.layers[1].moving_mean.assign([0.1, -0.2, 0.3, 0.0])
    loss = made.generator_loss(IMAGES)
    logits = made.teacher(IMAGES, training=False)
    p = probs64(logits)
    marginal = p.mean(axis=0)
    expected = (
        -2.0 * divergence64(logits, made.student(IMAGES, training=True))
        + 0.5 * statistics64(made.teacher, IMAGES)
        - 3.0 * (p * np.log(p)).sum(-1).mean()
        + 7.0 * (marginal * np.log(marginal)).sum()
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_a_teacher_without_normalisation_is_refused():
    players = tiny.data_free_players()
    players["teacher"] = keras.Sequential(
        [keras.Input(tiny.IMAGE_SHAPE), keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    with pytest.raises(RequestError, match="BatchNormalization. Received: .* without any"):
        DfqDistiller(**players)
