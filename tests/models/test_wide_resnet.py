"""Wide residual networks: published sizes, shapes, initial values, refusals."""

import keras
import numpy as np
import pytest

from mosaickd_tf.models import macs, wide_resnet

# Trainable parameters with 100 classes, as published with the networks.
PUBLISHED = {(16, 1): 180_916, (16, 2): 703_284, (40, 1): 569_780, (40, 2): 2_255_156}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def small(**changes):
    return wide_resnet(10, 1, **({"num_classes": 10, "input_shape": (8, 8, 3)} | changes))


@pytest.mark.parametrize("size", PUBLISHED)
def test_trainable_parameters_are_those_published(size):
    assert trainable(wide_resnet(*size, num_classes=100)) == PUBLISHED[size]


@pytest.mark.parametrize("side", [8, 12, 16, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_size_and_depth_gives_one_logit_a_class(side, channels):
    model = small(num_classes=7, input_shape=(side, side, channels))
    logits = model(np.zeros((2, side, side, channels), "float32"))
    assert logits.shape == (2, 7)


def test_resolution_is_halved_twice():
    model = small(input_shape=(32, 32, 3))
    sides = [model.get_layer(f"stage{stage}_block1_add").output.shape[1:] for stage in (1, 2, 3)]
    assert sides == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]


@pytest.mark.parametrize("stride, side", [(2, 32), (4, 16)])
def test_a_stride_of_the_stem_leaves_the_weights_and_divides_the_maps(stride, side):
    plain, strided = (small(input_shape=(64, 64, 3), stem_stride=s) for s in (1, stride))
    assert [w.shape for w in plain.weights] == [w.shape for w in strided.weights]
    assert strided.get_layer("stage1_block1_add").output.shape[1:] == (side, side, 16)
    # All but the logits are convolutions, a map each.
    dense = 64 * 10
    assert (macs(plain) - dense) == stride**2 * (macs(strided) - dense)


def test_the_head_averages_the_whole_map():
    model = small(input_shape=(8, 12, 3))
    activated, features = (model.get_layer(name).output for name in ("head_relu", "features"))
    maps, means = keras.Model(model.input, [activated, features])(np.ones((1, 8, 12, 3)))
    np.testing.assert_allclose(means, np.mean(maps, axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_images_are_standardized_by_the_statistics_given():
    given = small(mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])
    neutral = small(mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0])
    neutral.set_weights(given.get_weights())
    images = np.random.RandomState(0).uniform(size=(2, 8, 8, 3)).astype("float32")
    by_hand = (images - np.array([0.1, 0.2, 0.3])) / np.array([0.5, 0.6, 0.7])
    np.testing.assert_allclose(given(images), neutral(by_hand), rtol=1e-4, atol=1e-5)


def test_convolutions_start_normal_with_fan_out_and_logits_as_torch_s_linear():
    model = small(num_classes=500)
    kernel = np.asarray(model.get_layer("stage3_block1_conv2").kernel)
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / (9 * 64)), rtol=0.03)
    weights = np.asarray(model.get_layer("logits").kernel)
    np.testing.assert_allclose(weights.std(), (64 * 3) ** -0.5, rtol=0.03)
    assert np.abs(weights).max() <= 64**-0.5 + 1e-6
    np.testing.assert_array_equal(model.get_layer("logits").bias, np.zeros(500))


def test_convolutions_have_no_bias_and_norms_start_neutral_with_torch_s_constants():
    model = small()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert not layer.use_bias
        if isinstance(layer, keras.layers.BatchNormalization):
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
            np.testing.assert_array_equal(layer.gamma, np.ones(layer.gamma.shape))
            np.testing.assert_array_equal(layer.beta, np.zeros(layer.beta.shape))


def test_only_built_in_layers_are_used():
    assert all(type(layer).__module__.startswith("keras.") for layer in small().layers)


def test_logits_are_float32_under_mixed_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    assert model(np.zeros((2, 8, 8, 3), "float32")).dtype == "float32"


def test_the_model_is_named_after_its_size():
    assert small().name == "wrn10_1"
    assert small(name="student").name == "student"


@pytest.mark.parametrize("depth", [-2, 0, 4, 9, 11, 15, 17, 20])
def test_a_depth_that_is_not_6n_plus_4_is_refused(depth):
    with pytest.raises(ValueError, match=rf"6n \+ 4.*Received: depth={depth}"):
        wide_resnet(depth, 1, num_classes=10)


def test_a_width_below_1_is_refused():
    with pytest.raises(ValueError, match="Received: 0"):
        wide_resnet(10, 0, num_classes=10)
