"""Updates that are not finite leave everything as it was, and are counted."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.training import update_guard as guard_module
from mosaickd_tf.training.optimizers import MomentumSGD
from mosaickd_tf.training.update_guard import LossScale, UpdateGuard, all_finite, update_if_finite
from tests import tiny

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def network():
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    return network


@pytest.fixture
def optimizer(network):
    optimizer = MomentumSGD(0.1)
    optimizer.build(network.trainable_variables)
    return optimizer


@tf.function
def step(guard, optimizer, network, images, gradient, loss):
    network(images, training=True)
    gradients = [tf.ones_like(v) * gradient for v in network.trainable_variables]
    guard.apply(optimizer, gradients, network.trainable_variables, loss)


def values(network, optimizer):
    moved = [v for v in optimizer.variables if v is not optimizer.iterations]
    return tiny.values(network) + [v.numpy() for v in moved]


@pytest.mark.parametrize(
    "images, gradient, loss",
    [(1.0, NAN, 1.0), (1.0, INF, 1.0), (1.0, 1.0, NAN), (NAN, 1.0, 1.0)],
    ids=["gradient", "infinite", "loss", "statistics"],
)
def test_what_is_not_finite_moves_nothing_but_the_clock(network, optimizer, images, gradient, loss):
    guard = UpdateGuard([network])
    batch = np.arange(12, dtype="float32").reshape(4, 3)
    step(guard, optimizer, network, batch, 1.0, 1.0)
    before = values(network, optimizer)
    step(guard, optimizer, network, batch * np.float32(images), gradient, loss)
    assert tiny.same_bits(before, values(network, optimizer))
    assert guard.skipped.numpy() == 1
    assert optimizer.iterations.numpy() == 2
    step(guard, optimizer, network, batch, 1.0, 1.0)
    assert not tiny.same_bits(before, values(network, optimizer))
    assert guard.skipped.numpy() == 1


def test_what_is_finite_moves_as_it_would_without(network, optimizer):
    guard = UpdateGuard([network])
    before = values(network, optimizer)
    batch = np.arange(12, dtype="float32").reshape(4, 3)
    step(guard, optimizer, network, batch, 1.0, 1.0)
    guarded = values(network, optimizer)
    for variable, value in zip(
        [*network.variables, *[v for v in optimizer.variables if v is not optimizer.iterations]],
        before,
        strict=True,
    ):
        variable.assign(value)

    @tf.function
    def unguarded():
        network(batch, training=True)
        gradients = [tf.ones_like(v) for v in network.trainable_variables]
        optimizer.apply(gradients, network.trainable_variables)

    unguarded()
    assert tiny.same_bits(guarded, values(network, optimizer))


@tf.function
def scaled_step(guard, optimizer, network, gradient, loss, scale):
    gradients = [tf.ones_like(v) * gradient for v in network.trainable_variables]
    guard.apply(optimizer, gradients, network.trainable_variables, loss, scale)


def test_a_scaled_loss_has_the_gradient_that_float16_takes_for_0():
    variable, scale = tf.Variable([2.0, -3.0]), LossScale()
    with tf.GradientTape(persistent=True) as tape:
        low = tf.cast(variable, "float16")
        loss = tf.reduce_sum(tf.cast(low, "float32") * 2.0**-26)
    assert not tape.gradient(loss, variable).numpy().any()  # 2**-24 is the least above 0
    (gradient,) = scale.gradient(tape, loss, [variable])
    np.testing.assert_array_equal(gradient, np.float32([2.0**-26] * 2))


def test_a_variable_without_a_gradient_has_none_of_the_scaled_loss_either():
    with tf.GradientTape() as tape:
        loss = tf.constant(1.0)
    assert LossScale().gradient(tape, loss, {"student": [tf.Variable(1.0)]}) == {"student": [None]}


def test_of_float16_variables_the_gradient_is_what_float16_would_take_for_0():
    variable, scale = tf.Variable([2.0, -3.0], dtype="float16"), LossScale()
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_sum(tf.cast(variable, "float32") * 2.0**-26)
    assert not tape.gradient(loss, variable).numpy().any()
    (gradient,) = scale.gradient(tape, loss, [variable])
    np.testing.assert_array_equal(gradient, np.float32([2.0**-26] * 2))


def test_an_overflow_halves_the_scale_and_counts_only_when_that_cannot_help(network, optimizer):
    guard, scale = UpdateGuard([network]), LossScale()
    scale.value.assign(4.0)
    before = tiny.values(network)
    for left, skipped in ((2.0, 0), (1.0, 0), (1.0, 1)):
        scaled_step(guard, optimizer, network, INF, 1.0, scale)
        assert (float(scale.value), int(guard.skipped)) == (left, skipped)
    assert tiny.same_bits(before, tiny.values(network))
    scaled_step(guard, optimizer, network, 1.0, 1.0, scale)
    assert not tiny.same_bits(before, tiny.values(network))


def test_a_loss_that_is_not_finite_is_not_the_fault_of_its_scale(network, optimizer):
    guard, scale = UpdateGuard([network]), LossScale()
    first = float(scale.value)
    scaled_step(guard, optimizer, network, NAN, NAN, scale)
    assert (float(scale.value), int(guard.skipped)) == (first, 1)


def test_the_scale_doubles_after_many_finite_updates_in_a_row(network, optimizer, monkeypatch):
    monkeypatch.setattr(guard_module, "_DOUBLED_AFTER", 3)
    guard, scale = UpdateGuard([network]), LossScale()
    scale.value.assign(8.0)
    seen = []
    for gradient in (1.0, 1.0, INF, 1.0, 1.0, 1.0, 1.0):
        scaled_step(guard, optimizer, network, gradient, 1.0, scale)
        seen.append(float(scale.value))
    assert seen == [8.0, 8.0, 4.0, 4.0, 4.0, 8.0, 8.0]


@pytest.mark.parametrize(
    "tensors, expected",
    [
        ([[1.0, 2.0], [3.0]], True),
        ([[1.0, NAN], [3.0]], False),
        ([[1.0], [[-INF]]], False),
        ([None, [1.0]], True),
        ([np.float32(3.4e38)], True),
    ],
)
def test_every_number_counts(tensors, expected):
    assert bool(all_finite(tensors)) is expected


def test_a_mean_is_that_of_the_finite_values():
    mean = keras.metrics.Mean()
    for value in (1.0, NAN, 2.0, -INF, 6.0):
        update_if_finite(mean, value)
    assert float(mean.result()) == 3.0
