"""Generator: published size, shapes, range, initial values, refusals."""

import keras
import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import build_generator


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def noise(batch=3, dim=5):
    return np.random.RandomState(0).standard_normal((batch, dim)).astype("float32")


def test_trainable_parameters_are_those_of_the_official_code():
    assert trainable(build_generator()) == 2_026_051


@pytest.mark.parametrize("side", [8, 9, 12, 16, 28, 30, 32, 50, 65, 150, 299])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_have_the_size_and_channels_asked_for(side, channels):
    model = build_generator(image_size=side, channels=channels, noise_dim=5, base_filters=2)
    assert model(noise()).shape == (3, side, side, channels)


@pytest.mark.parametrize("size", [(48, 96), (12, 20), (8, 512), (33, 17)])
def test_oblong_images_have_the_height_and_width_asked_for(size):
    model = build_generator(image_size=size, noise_dim=5, base_filters=2)
    assert model.output_shape == (None, *size, 3)
    assert model(noise()).shape == (3, *size, 3)


@pytest.mark.parametrize(
    ("side", "first"), [(64, 16), (65, 9), (96, 12), (128, 16), (224, 14), (299, 10), (512, 16)]
)
def test_the_first_map_is_at_most_16_pixels_a_side(side, first):
    model = build_generator(image_size=side, noise_dim=5, base_filters=2)
    assert model.get_layer("seed_map").output.shape[1:3] == (first, first)


def test_of_224_pixels_it_has_fewer_weights_than_with_a_quarter_of_the_side_by_far():
    # dense 100 -> 14 x 14 x 256, its norm, convolutions to 128, 64, 32, 32 and 3 filters
    convolutions = 9 * (256 * 128 + 128 * 64 + 64 * 32 + 32 * 32 + 32 * 3) + 3
    norms = 2 * (256 + 128 + 64 + 32 + 32)
    assert trainable(build_generator(image_size=224)) == 101 * 14 * 14 * 256 + convolutions + norms


def test_a_size_between_is_the_center_of_the_next_larger_one():
    larger = build_generator(image_size=32, noise_dim=5, base_filters=2)
    smaller = build_generator(image_size=(29, 30), noise_dim=5, base_filters=2)
    smaller.set_weights(larger.get_weights())
    whole = np.asarray(larger(noise(), training=False))
    cropped = np.asarray(smaller(noise(), training=False))
    np.testing.assert_allclose(cropped, whole[:, 1:30, 1:31], atol=1e-6)


def test_images_are_in_0_to_1_even_for_extreme_noise():
    model = build_generator(image_size=8, noise_dim=5, base_filters=2)
    images = np.asarray(model(1e6 * noise(), training=False))
    assert images.min() >= 0.0 and images.max() <= 1.0 and np.isfinite(images).all()


def test_filters_are_quartered_while_the_side_is_doubled_twice():
    model = build_generator(image_size=16, noise_dim=5, base_filters=6)
    shapes = [
        model.get_layer(name).output.shape[1:] for name in ("seed_map", "up1_relu", "up2_relu")
    ]
    assert shapes == [(4, 4, 24), (8, 8, 12), (16, 16, 6)]


def test_doubling_repeats_each_pixel():
    layer = build_generator(image_size=8, noise_dim=5, base_filters=2).get_layer("up1_double")
    doubled = np.asarray(layer(np.arange(4.0).reshape(1, 2, 2, 1)))[0, :, :, 0]
    np.testing.assert_array_equal(doubled, [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]])


def test_the_leaky_slope_is_that_of_the_reference_and_not_keras_s():
    layer = build_generator(image_size=8, noise_dim=5, base_filters=2).get_layer("up2_relu")
    np.testing.assert_allclose(layer(np.array([[-1.0, 2.0]])), [[-0.2, 2.0]], rtol=1e-6)


def test_weights_and_biases_start_as_torch_s():
    model = build_generator(image_size=16, noise_dim=50, base_filters=8)
    fans_in = {"project": 50, "up1_conv": 9 * 32, "up2_conv": 9 * 16, "paint": 9 * 8}
    for name, fan_in in fans_in.items():
        layer = model.get_layer(name)
        kernel = np.asarray(layer.kernel)
        np.testing.assert_allclose(kernel.std(), (3 * fan_in) ** -0.5, rtol=0.1)
        assert np.abs(kernel).max() <= fan_in**-0.5 + 1e-6
    bias = np.asarray(model.get_layer("project").bias)
    assert 0.9 * 50**-0.5 < np.abs(bias).max() <= 50**-0.5
    assert (np.abs(model.get_layer("paint").bias) <= 72**-0.5).all()
    assert not model.get_layer("up1_conv").use_bias


def test_only_built_in_layers_are_used():
    model = build_generator(image_size=8, noise_dim=5, base_filters=2)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def test_images_are_float32_under_mixed_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_generator(image_size=8, noise_dim=5, base_filters=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("paint").compute_dtype == "bfloat16"
    assert model(noise()).dtype == "float32"


@pytest.mark.parametrize("side", [0, 4, 7, 513])
def test_a_side_below_8_or_above_512_is_refused(side):
    with pytest.raises(RequestError, match=f"8 to 512 pixels.*image_size={side}"):
        build_generator(image_size=side)


@pytest.mark.parametrize(
    "arguments",
    [{"channels": 0}, {"channels": 2}, {"channels": 4}, {"noise_dim": 0}, {"base_filters": 0}],
)
def test_channels_and_dimensions_that_make_no_image_are_refused(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(RequestError, match=f"Received: .*{name}={value}"):
        build_generator(**arguments)
