"""The fused layer against Keras's own, and its statistics against numbers by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.models import blocks
from mosaickd_tf.models.normalization import FusedBatchNormalization

RNG = np.random.RandomState(5)
INPUTS = (2.0 * RNG.standard_normal((4, 3, 5, 6)) + 1.0).astype("float32")


def pair(shape=INPUTS.shape, **arguments):
    """Returns the fused layer and Keras's own, with the same weights, none of them neutral."""
    arguments = blocks.BATCH_NORM | arguments
    layers = FusedBatchNormalization(**arguments), keras.layers.BatchNormalization(**arguments)
    for layer in layers:
        layer.build(shape)
    weights = [RNG.uniform(0.5, 1.5, w.shape) for w in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def statistics(layer):
    return np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)


@pytest.mark.parametrize("training", [True, False, None])
def test_outputs_equal_those_of_keras(training):
    fused, plain = pair()
    np.testing.assert_allclose(
        fused(INPUTS, training=training), plain(INPUTS, training=training), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_those_of_keras(training):
    found = []
    for layer in pair():
        images = tf.constant(INPUTS)
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.sin(layer(images, training=training)))
        found.append(tape.gradient(loss, [images, *[w.value for w in layer.trainable_variables]]))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_moving_statistics_by_hand_with_the_unbiased_variance():
    # 0 … 7: mean 3.5, sum of squared distances 42, so variance 42 / 7 and not 42 / 8.
    layer = FusedBatchNormalization(momentum=0.9, epsilon=1e-5)
    layer(np.arange(8.0, dtype="float32").reshape(2, 2, 2, 1), training=True)
    mean, variance = statistics(layer)
    np.testing.assert_allclose(mean, [0.1 * 3.5], rtol=1e-6)
    np.testing.assert_allclose(variance, [0.9 + 0.1 * 6.0], rtol=1e-5)


def test_outputs_in_training_use_the_biased_variance():
    layer = FusedBatchNormalization(momentum=0.9, epsilon=0.0)
    outputs = layer(np.arange(8.0, dtype="float32").reshape(2, 2, 2, 1), training=True)
    expected = (np.arange(8.0) - 3.5) / np.sqrt(42 / 8)
    np.testing.assert_allclose(np.ravel(outputs), expected, rtol=1e-5)


def test_moving_mean_equals_keras_s_and_variance_differs_by_n_over_n_minus_1():
    fused, plain = pair()
    start = statistics(fused)[1]
    for layer in (fused, plain):
        layer(INPUTS, training=True)
    np.testing.assert_allclose(statistics(fused)[0], statistics(plain)[0], rtol=1e-5)
    of_batch = [(statistics(layer)[1] - 0.9 * start) / 0.1 for layer in (fused, plain)]
    n = 4 * 3 * 5
    np.testing.assert_allclose(of_batch[0], of_batch[1] * n / (n - 1), rtol=1e-4)


def test_statistics_equal_torch_s():
    torch = pytest.importorskip("torch")
    fused, _ = pair()
    theirs = torch.nn.BatchNorm2d(6, eps=1e-5, momentum=0.1)
    gamma, beta, mean, variance = (torch.tensor(w) for w in fused.get_weights())
    theirs.load_state_dict(
        {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": variance}, strict=False
    )
    expected = theirs(torch.tensor(INPUTS).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    outputs = fused(INPUTS, training=True)
    np.testing.assert_allclose(outputs, expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(statistics(fused)[0], theirs.running_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(statistics(fused)[1], theirs.running_var.numpy(), rtol=1e-5)


@pytest.mark.parametrize("arguments", [{"training": False}, {}])
def test_statistics_rest_outside_of_training(arguments):
    fused, _ = pair()
    before = statistics(fused)
    fused(INPUTS, **arguments)
    np.testing.assert_array_equal(before, statistics(fused))


def test_a_frozen_layer_uses_its_statistics_and_keeps_them_even_in_training():
    inputs = np.tile(INPUTS, 50)  # of many features, for a rounding to show in one of them
    fused, plain = pair(inputs.shape)
    fused.trainable = False
    before = statistics(fused)
    outputs = fused(inputs, training=True)
    np.testing.assert_allclose(outputs, plain(inputs, training=False), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(before, statistics(fused))


@pytest.mark.parametrize("training", [True, False])
def test_low_precision_goes_through_and_statistics_stay_float32(training):
    fused, plain = pair(dtype="mixed_bfloat16")
    outputs = fused(INPUTS, training=training)
    assert outputs.dtype == "bfloat16"
    assert {w.dtype for w in fused.variables} == {"float32"}
    expected = plain(INPUTS, training=training)
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), tf.cast(expected, "float32"), rtol=0.03, atol=0.03
    )
    assert np.isfinite(statistics(fused)).all()


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [((8, 6), {}), ((4, 6, 3, 5), {"axis": 1}), ((4, 3, 5, 6), {"scale": False}),
     ((4, 3, 5, 6), {"center": False}), ((4, 5, 6), {})],
)  # fmt: skip
def test_what_cannot_be_fused_is_left_to_keras(shape, arguments):
    inputs = RNG.standard_normal(shape).astype("float32")
    for training in (True, False):
        fused, plain = pair(shape, **arguments)
        np.testing.assert_array_equal(
            fused(inputs, training=training), plain(inputs, training=training)
        )
        np.testing.assert_array_equal(statistics(fused), statistics(plain))


def test_the_layer_can_be_made_again_from_its_configuration():
    described = keras.saving.serialize_keras_object(FusedBatchNormalization(**blocks.BATCH_NORM))
    again = keras.saving.deserialize_keras_object(described)
    assert type(again) is FusedBatchNormalization
    assert (again.momentum, again.epsilon) == (0.9, 1e-5)
