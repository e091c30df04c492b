"""Copies of a model: the same function, with fused layers for training or portable."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import (
    build_generator,
    build_patch_discriminator,
    portable_copy,
    training_copy,
)
from mosaickd_tf.models.normalization import FusedBatchNormalization
from tests import tiny

IMAGES = np.random.RandomState(2).uniform(size=(4, 8, 8, 3)).astype("float32")
NOISE = np.random.RandomState(3).standard_normal((4, 6)).astype("float32")


def network(kind):
    if kind == "classifier":
        return tiny.wide_resnet(), IMAGES
    if kind == "generator":
        return build_generator(image_size=8, noise_dim=6, base_filters=4), NOISE
    return build_patch_discriminator(image_size=8, patch_size=4, base_filters=4), IMAGES


def kinds_of_norm(model):
    return {type(x) for x in model.layers if isinstance(x, keras.layers.BatchNormalization)}


KINDS = ["classifier", "generator", "discriminator"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_copy_is_fused_and_gives_the_same_outputs(kind):
    model, inputs = network(kind)
    fused = training_copy(model)
    assert kinds_of_norm(fused) == {FusedBatchNormalization}
    for training in (False, True):
        np.testing.assert_allclose(
            fused(inputs, training=training), model(inputs, training=training), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_portable_copy_of_a_training_copy_is_built_in_and_gives_the_same_outputs(kind):
    model, inputs = network(kind)
    fused = training_copy(model, "mixed_bfloat16")
    portable = portable_copy(fused)
    assert "mosaickd_tf" not in portable.to_json()
    assert kinds_of_norm(portable) == {keras.layers.BatchNormalization}
    assert {layer.dtype_policy.name for layer in portable.layers} == {"float32"}
    for training in (False, True):
        np.testing.assert_allclose(
            portable(inputs, training=training), model(inputs, training=training), atol=1e-6
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_low_precision_copy_computes_in_it_and_gives_float32(kind):
    model, inputs = network(kind)
    fused = training_copy(model, "mixed_bfloat16")
    hidden = [
        x for x in fused.layers if isinstance(x, (keras.layers.Conv2D, FusedBatchNormalization))
    ]
    output_name = fused.outputs[0]._keras_history.operation.name
    assert {x.compute_dtype for x in hidden if x.name != output_name} == {"bfloat16"}
    assert {v.dtype for v in fused.trainable_variables} == {"float32"}
    outputs = fused(inputs, training=False)
    assert outputs.dtype == "float32"
    np.testing.assert_allclose(outputs, model(inputs, training=False), rtol=0.1, atol=0.1)


def test_copies_own_their_weights():
    model = tiny.wide_resnet()
    before = tiny.values(model)
    for copy in (training_copy(model), portable_copy(model)):
        for variable in copy.variables:
            variable.assign(tf.zeros_like(variable))
    assert tiny.same_bits(before, tiny.values(model))


def test_copies_carry_every_weight_and_moving_statistic():
    model = tiny.wide_resnet()
    for copy in (training_copy(model), portable_copy(model), portable_copy(training_copy(model))):
        assert tiny.same_bits(tiny.values(model), tiny.values(copy))


def test_copies_carry_the_standardization():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Normalization(mean=[0.1] * 3, variance=[4.0] * 3)]
    )
    np.testing.assert_allclose(training_copy(model)(IMAGES), (IMAGES - 0.1) / 2.0, atol=1e-6)


def test_a_portable_copy_of_a_frozen_model_can_be_trained():
    model = tiny.wide_resnet()
    expected = len(model.trainable_variables)
    model.trainable = False
    assert len(portable_copy(model).trainable_variables) == expected


def test_a_portable_copy_is_saved_and_loads_where_this_package_is_not_registered(tmp_path):
    portable = portable_copy(training_copy(tiny.wide_resnet(), "mixed_bfloat16"))
    portable.save(tmp_path / "student.keras")
    registered = dict(keras.saving.get_custom_objects())
    keras.saving.get_custom_objects().clear()
    try:
        loaded = keras.saving.load_model(tmp_path / "student.keras")
    finally:
        keras.saving.get_custom_objects().update(registered)
    np.testing.assert_array_equal(loaded(IMAGES, training=False), portable(IMAGES, training=False))


def test_a_nested_model_is_rewritten_throughout():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Softmax()(tiny.wide_resnet()(inputs)))
    fused = training_copy(model)
    (inner,) = [x for x in fused.layers if isinstance(x, keras.Model)]
    assert kinds_of_norm(inner) == {FusedBatchNormalization}
    np.testing.assert_allclose(
        fused(IMAGES, training=False), model(IMAGES, training=False), rtol=1e-4, atol=1e-5
    )
    assert "mosaickd_tf" not in portable_copy(fused).to_json()


def test_a_low_precision_copy_of_a_wrapped_model_still_gives_float32():
    inputs = keras.Input((8, 8, 3))
    wrapped = keras.Model(inputs, tiny.wide_resnet()(keras.layers.Rescaling(2.0, -1.0)(inputs)))
    fused = training_copy(wrapped, "mixed_bfloat16")
    assert fused.layers[-1].get_layer("stem").compute_dtype == "bfloat16"
    assert fused(IMAGES, training=False).dtype == "float32"


def after_logits(*last):
    """Builds a classifier of a convolution, its logits and the given layers after them."""
    tiny.seed_weights(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="hidden"),
            keras.layers.Conv2D(5, 6, name="logits"),
            *last,
        ]
    )


def fits_bfloat16(array):
    return np.array_equal(array, tf.cast(tf.cast(array, "bfloat16"), "float32"))


@pytest.mark.parametrize(
    "last",
    [
        lambda: [keras.layers.Flatten()],
        lambda: [keras.layers.Activation("linear"), keras.layers.Reshape((5,))],
        lambda: [keras.layers.Flatten(), keras.layers.Dropout(0.5)],
        lambda: [keras.Sequential([keras.layers.Flatten(), keras.layers.Dropout(0.5)])],
    ],
)
def test_logits_are_not_rounded_where_layers_without_weights_follow(last):
    model = after_logits(*last())
    fused = training_copy(model, "mixed_bfloat16")
    computes = {layer.name: layer.compute_dtype for layer in fused.layers}
    assert (computes["hidden"], computes["logits"]) == ("bfloat16", "float32")
    logits = fused(IMAGES, training=False)
    assert logits.dtype == "float32" and not fits_bfloat16(logits)


def test_logits_are_not_rounded_where_operations_or_a_model_without_weights_follow():
    inputs = keras.Input((8, 8, 3))
    inner = after_logits(keras.layers.Activation("linear"))
    model = keras.Model(inputs, keras.ops.reshape(inner(inputs), (-1, 5)) * 0.5)
    fused = training_copy(model, "mixed_bfloat16")
    (copied,) = [layer for layer in fused.layers if isinstance(layer, keras.Model)]
    assert copied.get_layer("hidden").compute_dtype == "bfloat16"
    assert copied.get_layer("logits").compute_dtype == "float32"
    assert not fits_bfloat16(fused(IMAGES, training=False))


def test_each_of_the_branches_that_make_the_logits_is_kept():
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(inputs)
    left, right = (keras.layers.Dense(5, name=name)(flat) for name in ("left", "right"))
    fused = training_copy(
        keras.Model(inputs, keras.layers.Average()([left, right])), "mixed_bfloat16"
    )
    assert {fused.get_layer(name).compute_dtype for name in ("left", "right")} == {"float32"}


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_normalized_input_and_the_last_layer_of_our_networks_stay_float32(kind):
    fused = training_copy(network(kind)[0], "mixed_bfloat16")
    exact = [layer.name for layer in fused.layers if layer.compute_dtype == "float32"]
    ends = {
        "classifier": ["unit_images", "standardization", "logits"],
        "generator": ["noise", "unit_images"],
        "discriminator": ["unit_images", "standardization", "patch_logits"],
    }
    assert exact == ends[kind]


@pytest.mark.parametrize("extra", [3, object()], ids=["unregistered", "not serializable"])
def test_a_model_without_configuration_is_refused_in_one_line(extra):
    class Stubborn(keras.Model):
        def __init__(self, extra):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = Stubborn(extra)
    for copy in (training_copy, portable_copy):
        with pytest.raises(RequestError, match="cannot be copied") as caught:
            copy(model)
        assert len(str(caught.value).splitlines()) == 1


def test_a_gradient_flows_through_a_shrinking_resizing_in_low_precision():
    inputs = keras.Input((8, 8, 3))
    small = keras.layers.Resizing(4, 4, antialias=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(small)))
    copy = training_copy(model, "mixed_bfloat16")
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(copy(images))
    assert np.abs(tape.gradient(total, images)).max() > 0
