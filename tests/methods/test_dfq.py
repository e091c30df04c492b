"""DFQ's objective against NumPy in float64, and the statistics that it needs."""

import keras
import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import DfqDistiller
from mosaickd_tf.methods.dfq import DfqConfig
from tests import tiny
from tests.losses import kl64, softmax64
from tests.methods.harness import build, networks, statistics64

IMAGES = np.random.RandomState(3).uniform(size=(6, *tiny.IMAGE_SHAPE)).astype("float32")


def test_the_generator_s_loss_is_the_four_terms_in_nats():
    config = DfqConfig(
        adversarial_weight=2.0, statistics_weight=0.5, entropy_weight=3.0, balance_weight=7.0
    )
    dfq = build("dfq", config=config)
    dfq.teacher.layers[1].moving_mean.assign([0.1, -0.2, 0.3, 0.0])
    loss = dfq.generator_loss(IMAGES)
    logits = dfq.teacher(IMAGES, training=False)
    p = softmax64(logits)
    marginal = p.mean(axis=0)
    expected = (
        -2.0 * kl64(logits, dfq.student(IMAGES, training=True))
        + 0.5 * statistics64(dfq.teacher, IMAGES)
        - 3.0 * (p * np.log(p)).sum(-1).mean()
        + 7.0 * (marginal * np.log(marginal)).sum()
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["adversarial", "statistics", "entropy", "balance"])
def test_a_term_of_weight_0_is_left_out(name):
    dfq = build("dfq", config=DfqConfig(**{f"{name}_weight": 0.0}))
    before = tiny.values(dfq.student)
    assert np.isfinite(float(dfq.generator_loss(IMAGES)))
    assert sum(float(mean.count) == 0 for mean in dfq.term_means.values()) == 2  # and the student's
    assert tiny.same_bits(before, tiny.values(dfq.student)) is (name == "adversarial")


def test_a_teacher_without_normalization_is_refused():
    given = networks("dfq")
    given["teacher"] = keras.Sequential(
        [keras.Input(tiny.IMAGE_SHAPE), keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    with pytest.raises(RequestError, match="BatchNormalization. Received: .* without any"):
        DfqDistiller(**given)
