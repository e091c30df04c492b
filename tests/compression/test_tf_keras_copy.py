"""A tf_keras copy has the logits of its student, and its weights can be copied back."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import models
from mosaickd_tf.compression import tf_keras_copy
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.folding import folded_copy, unfolded_copy
from tests.compression import IMAGES, SHAPE, shaken, student, unit_logits


def phone_network():
    """Returns a network with the layers of a MobileNetV3, squeeze and excite among them."""
    inputs = keras.Input(SHAPE)
    hidden = layers.Rescaling(2.0, offset=-1.0)(inputs)
    hidden = layers.ZeroPadding2D(1)(layers.Conv2D(8, 3, use_bias=False)(hidden))
    hidden = layers.BatchNormalization()(layers.DepthwiseConv2D(3, strides=2)(hidden))
    hidden = layers.Activation("hard_silu")(hidden)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(hidden)
    gate = layers.Activation("hard_sigmoid")(layers.Conv2D(8, 1)(gate))
    hidden = layers.GlobalAveragePooling2D()(layers.Multiply()([hidden, gate]))
    hidden = layers.Activation("hard_silu")(layers.Dense(6)(hidden))
    return shaken(keras.Model(inputs, layers.Dense(5)(hidden)))


def named(name):
    return shaken(models.build_classifier(name, num_classes=5, input_shape=SHAPE))


def normalizations(model):
    return [layer for layer in model.layers if "BatchNorm" in type(layer).__name__]


@pytest.mark.parametrize(
    "build",
    [student, phone_network, lambda: named("wrn10_1")],
    ids=["pre-activation", "phone", "wrn10_1"],
)
@pytest.mark.parametrize("copy", [folded_copy, unfolded_copy])
def test_a_copy_has_the_logits_of_its_student(build, copy):
    model = build()
    made = tf_keras_copy.to_tf_keras(model, IMAGES, copy)
    wanted = unit_logits(model)
    received = made(IMAGES.astype("float32"), training=False).numpy()
    np.testing.assert_allclose(received, wanted, atol=1e-5 * np.abs(wanted).max())
    left = normalizations(model) if copy is unfolded_copy else []
    assert len(normalizations(made)) == len(left)
    back = tf_keras_copy.from_tf_keras(made, model, copy)
    assert isinstance(back, keras.Model)
    np.testing.assert_allclose(unit_logits(back), wanted, atol=1e-5 * np.abs(wanted).max())


def test_a_copy_of_a_copy_has_the_same_weights():
    made = tf_keras_copy.to_tf_keras(student(), IMAGES)
    again = tf_keras_copy.to_tf_keras(tf_keras_copy.from_tf_keras(made, student()), IMAGES)
    assert [layer.name for layer in again.layers] == [layer.name for layer in made.layers]
    for old, new in zip(made.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-6)


def test_only_normalizations_of_the_student_may_be_trained():
    made = tf_keras_copy.to_tf_keras(student(), IMAGES)
    assert not made.get_layer("unit_images").trainable
    assert made.get_layer("block_norm").trainable


def test_an_unfolded_copy_normalizes_as_its_student_does_in_training():
    model = keras.models.clone_model(student())
    model.set_weights(student().get_weights())
    made = tf_keras_copy.to_tf_keras(model, IMAGES, unfolded_copy)
    batch = IMAGES.astype("float32")
    wanted = model(batch / 255, training=True)
    np.testing.assert_allclose(made(batch, training=True), wanted, atol=1e-4)
    learned = made.get_layer("block_norm").moving_variance.numpy()
    expected = model.get_layer("block_norm").moving_variance  # tf_keras's has n - 1 below it
    np.testing.assert_allclose(learned, expected, rtol=1e-3)
    assert np.abs(learned - student().get_layer("block_norm").moving_variance).max() > 1e-3
    back = unit_logits(tf_keras_copy.from_tf_keras(made, model, unfolded_copy))
    np.testing.assert_allclose(back, made(batch, training=False), atol=1e-5 * np.abs(back).max())
    assert np.abs(back - unit_logits(student())).max() > 1e-2  # what was learned is copied too


def test_a_copy_with_other_logits_is_refused():
    def tampered(*args):
        model = folded_copy(*args)
        bias = model.get_layer("logits").bias
        bias.assign_add([1e-2, 0.0, 0.0, 0.0, 0.0])
        return model

    with pytest.raises(RequestError, match="cannot be copied to tf_keras"):
        tf_keras_copy.to_tf_keras(student(), IMAGES, tampered)
