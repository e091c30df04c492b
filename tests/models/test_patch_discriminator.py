"""Patch discriminator: its size, and the receptive fields of its logits by gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import build_patch_discriminator, default_patch_size, patch_layers


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def small(**changes):
    return build_patch_discriminator(**({"base_filters": 2} | changes))


def receptive_field(model, row, column):
    """Marks the pixels of an image on which one logit depends: bool `(height, width)`."""
    images = tf.constant(np.random.RandomState(0).uniform(size=(1, *model.input_shape[1:])))
    images = tf.cast(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = model(images, training=False)[0, row, column, 0]
    return np.abs(tape.gradient(logit, images).numpy()[0]).sum(axis=-1) > 0


def positive(model):
    """Makes all kernels positive, so that no path from a pixel cancels another."""
    rng = np.random.RandomState(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(rng.uniform(0.5, 1.5, layer.kernel.shape))
    return model


def test_trainable_parameters_are_those_of_the_official_code():
    assert trainable(build_patch_discriminator()) == 531_328


def test_the_official_discriminator_gives_one_logit_for_every_4_pixels():
    assert patch_layers(10) == [(4, 2), (4, 2)]
    assert build_patch_discriminator().output_shape == (None, 8, 8, 1)


@pytest.mark.parametrize("patch_size", range(1, 65))
def test_the_layers_for_a_patch_size_see_exactly_that_many_pixels(patch_size):
    # Backwards from one cell: a convolution sees (cells - 1) · stride + kernel cells before it.
    cells = 1
    for kernel, stride in reversed(patch_layers(patch_size)):
        cells = (cells - 1) * stride + kernel
    assert cells == patch_size


@pytest.mark.parametrize("patch_size", range(1, 65))
def test_no_kernel_is_so_small_that_its_stride_skips_pixels(patch_size):
    layers = patch_layers(patch_size)
    assert len(layers) >= 2 and all(kernel >= stride for kernel, stride in layers)


@pytest.mark.parametrize("patch_size", [1, 2, 3, 4, 7, 10, 13, 16, 22])
def test_a_logit_sees_a_square_of_exactly_the_patch_size(patch_size):
    model = positive(small(image_size=48, patch_size=patch_size))
    middle = model.output_shape[1] // 2
    field = receptive_field(model, middle, middle)
    rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
    assert len(rows) == len(columns) == patch_size
    assert field.sum() == patch_size**2  # no holes
    assert rows[0] > 0 and rows[-1] < 47  # an interior logit: nothing of it was cut off


@pytest.mark.parametrize(
    ("patch_size", "apart"), [(1, 1), (3, 1), (4, 2), (7, 2), (10, 4), (22, 8)]
)
def test_neighboring_logits_see_patches_one_stride_apart(patch_size, apart):
    model = positive(small(image_size=48, patch_size=patch_size))
    middle = model.output_shape[1] // 2
    first, second = (
        np.flatnonzero(receptive_field(model, row, middle).any(axis=1))[0]
        for row in (middle, middle + 1)
    )
    assert second - first == apart
    assert model.output_shape[1] == 48 // apart


@pytest.mark.parametrize("side", [8, 9, 12, 16, 28, 32])
def test_a_patch_as_large_as_the_image_gives_one_logit_that_sees_all_of_it(side):
    model = positive(small(image_size=side, patch_size=side))
    assert model.output_shape == (None, 1, 1, 1)
    assert receptive_field(model, 0, 0).all()


@pytest.mark.parametrize("side", [8, 12, 16, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_size_gives_a_square_map_of_logits(side, channels):
    model = small(image_size=side, channels=channels, patch_size=4)
    logits = model(np.zeros((2, side, side, channels), "float32"))
    assert logits.shape == (2, side // 2, side // 2, 1)


def test_the_first_layer_has_the_bias_and_the_others_the_normalization():
    model = small(image_size=32, patch_size=22)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [layer.use_bias for layer in convolutions] == [True, False, False, False]
    assert [layer.filters for layer in convolutions] == [2, 4, 4, 1]
    assert [(norm.momentum, norm.epsilon) for norm in norms] == [(0.9, 1e-5)] * 2


def test_the_leaky_slope_is_that_of_the_reference_and_not_keras_s():
    layer = small().get_layer("relu1")
    np.testing.assert_allclose(layer(np.array([[-1.0, 2.0]])), [[-0.2, 2.0]], rtol=1e-6)


def test_weights_and_bias_start_as_torch_s():
    model = small(base_filters=32)
    for name, fan_in in {"conv1": 16 * 3, "conv2": 16 * 32, "patch_logits": 64}.items():
        kernel = np.asarray(model.get_layer(name).kernel)
        np.testing.assert_allclose(kernel.std(), (3 * fan_in) ** -0.5, rtol=0.2)
        assert np.abs(kernel).max() <= fan_in**-0.5 + 1e-6
    assert (np.abs(model.get_layer("conv1").bias) <= 48**-0.5).all()
    assert np.abs(model.get_layer("conv1").bias).max() > 0


def test_logits_are_float32_under_mixed_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(image_size=8, patch_size=4)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv1").compute_dtype == "bfloat16"
    assert model(np.zeros((2, 8, 8, 3), "float32")).dtype == "float32"


@pytest.mark.parametrize("patch_size", [-1, 0, 9, 32])
def test_a_patch_outside_of_the_image_is_refused(patch_size):
    with pytest.raises(RequestError, match=f"1 to the image's 8 pixels.*patch_size={patch_size}"):
        small(image_size=8, patch_size=patch_size)


@pytest.mark.parametrize(
    ("size", "patch_size"),
    [
        (8, 4),
        (10, 10),
        (32, 10),
        (64, 10),
        (65, 22),
        (128, 22),
        (224, 46),
        (512, 94),
        ((12, 20), 10),
    ],
)
def test_the_default_patch_grows_with_the_image(size, patch_size):
    assert default_patch_size(size) == patch_size


@pytest.mark.parametrize("size", [8, 13, 32, 64, 96, 224, 299, 512, (8, 512), (48, 96)])
def test_with_the_default_patch_an_image_has_no_more_patches_than_one_of_64_pixels(size):
    patch_size = default_patch_size(size)
    critic = build_patch_discriminator(image_size=size, patch_size=patch_size, base_filters=1)
    rows, columns = critic.output_shape[1:3]
    assert rows <= 16 and columns <= 16 or min(critic.input_shape[1:3]) < 10
