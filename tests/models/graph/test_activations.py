"""Capture of layer inputs and outputs at any depth, with their gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import training_copy
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name, normalizations
from tests import tiny

IMAGES = np.random.RandomState(3).uniform(size=(4, 8, 8, 3)).astype("float32")


def nested():
    """Builds a classifier inside another model."""
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, tiny.wide_resnet()(keras.layers.Rescaling(2.0)(inputs)))


def models():
    plain = tiny.wide_resnet()
    return {
        "functional": plain,
        "nested": nested(),
        "subclassed": tiny.Subclassed(tiny.wide_resnet()),
        "fused": training_copy(plain),
    }


@pytest.mark.parametrize("kind", ["functional", "nested", "subclassed", "fused"])
def test_the_captured_features_are_those_that_the_next_layers_use(kind):
    model = models()[kind]
    features, logits_layer = layers_by_name(model, ["features", "logits"])
    logits, (captured,) = ActivationCapture(model, [features])(IMAGES)
    np.testing.assert_array_equal(logits, logits_layer(captured))
    np.testing.assert_array_equal(logits, model(IMAGES))


def test_the_input_of_a_normalization_has_the_statistics_that_it_moves_towards():
    model = tiny.wide_resnet()
    (layer,) = layers_by_name(model, ["stage1_block1_1_norm"])
    before = layer.moving_mean.numpy()
    _, (captured,) = ActivationCapture(model, [layer], side="input")(IMAGES, training=True)
    expected = 0.9 * before + 0.1 * captured.numpy().astype("float64").mean(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_gradient_flows_through_what_is_captured(jit_compile):
    model = tiny.wide_resnet()
    capture = ActivationCapture(model, layers_by_name(model, ["stage1_block1_add"]))

    @tf.function(jit_compile=jit_compile)
    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            _, (captured,) = capture(images)
            loss = tf.reduce_sum(captured**2)
        return loss, tape.gradient(loss, images)

    images = tf.constant(IMAGES)
    loss, slope = gradient(images)
    step = 1e-3 * slope / tf.norm(slope)
    difference = gradient(images + step)[0] - gradient(images - step)[0]
    assert float(difference) == pytest.approx(2e-3 * float(tf.norm(slope)), rel=0.02)


def test_a_captured_layer_is_left_as_it_was():
    model = tiny.wide_resnet()
    layers = normalizations(model)
    capture = ActivationCapture(model, layers)
    with pytest.raises(ValueError):  # noqa: PT011  Keras words the message
        capture(IMAGES[0, 0])
    assert not any("call" in vars(layer) for layer in layers)


def test_normalizations_are_found_at_any_depth():
    assert len(normalizations(nested())) == len(normalizations(tiny.wide_resnet())) == 7


@pytest.mark.parametrize("name, count", [("nowhere", 0), ("twice", 2)])
def test_a_name_must_be_that_of_one_layer(name, count):
    inner = [keras.Sequential([keras.layers.Dense(2, name="twice")]) for _ in range(2)]
    model = keras.Sequential([keras.Input((3,)), *inner])
    with pytest.raises(RequestError, match=f"Received: '{name}', which {count} layers have"):
        layers_by_name(model, [name])
