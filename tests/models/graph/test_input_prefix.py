"""The affine map of pixels by the first layers, against its formula by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.models.graph.input_prefix import input_prefix

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def classifier(*before, shape=(8, 8, 3), function=None):
    hidden = images = keras.Input(shape)
    for layer in before:
        hidden = layer(hidden)
    hidden = function(hidden) if function else hidden
    hidden = layers.Conv2D(4, 3, data_format="channels_last")(hidden)
    return keras.Model(images, layers.GlobalAveragePooling2D()(hidden))


@pytest.mark.parametrize(
    ("before", "low", "slope", "names"),
    [
        ([layers.Rescaling(1 / 255)], [0] * 3, [1 / 255] * 3, ("Rescaling",)),
        ([layers.Rescaling(1 / 127.5, -1)], [-1] * 3, [2 / 255] * 3, ("Rescaling",)),
        (
            [layers.Rescaling(1 / 255), layers.Normalization(mean=MEAN, variance=STD**2)],
            -MEAN / STD,
            1 / 255 / STD,
            ("Rescaling", "Normalization"),
        ),
        (
            [layers.RandomRotation(0.1), layers.Rescaling([1, 2, 3], [4, 5, 6]), layers.Dropout(1)],
            [4, 5, 6],
            [1, 2, 3],
            ("Rescaling",),
        ),
        (
            [layers.Rescaling(2.0), layers.ZeroPadding2D(1), layers.Rescaling(1.0, 1.0)],
            [1] * 3,
            [2] * 3,
            ("Rescaling", "Rescaling"),
        ),
    ],
)
def test_layers_that_map_pixels_are_multiplied_out(before, low, slope, names):
    prefix = input_prefix(classifier(*before))
    np.testing.assert_allclose(prefix.low, low, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(prefix.slope, slope, rtol=1e-4)
    assert prefix.layers == names


def test_operations_on_tensors_are_followed():
    def caffe(images):
        return images[..., ::-1] - keras.ops.array([103.939, 116.779, 123.68])

    prefix = input_prefix(classifier(function=caffe))
    np.testing.assert_allclose(prefix.low, [-103.939, -116.779, -123.68], rtol=1e-5)
    np.testing.assert_allclose(prefix.slope, [1, 1, 1], rtol=1e-5)
    prefix = input_prefix(classifier(function=lambda images: images / 127.5 - 1))
    np.testing.assert_allclose([prefix.low, prefix.slope], [[-1] * 3, [2 / 255] * 3], rtol=1e-4)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("outside", [True, False])
def test_models_in_models_are_followed(depth, outside):
    rescaling = layers.Rescaling(1 / 255)
    model = classifier() if outside else classifier(rescaling)
    for _ in range(depth):
        model = keras.Sequential([keras.Input((8, 8, 3)), model])
    if outside:
        model = keras.Sequential([keras.Input((8, 8, 3)), rescaling, model])
    prefix = input_prefix(model)
    assert prefix.layers == ("Rescaling",)
    np.testing.assert_allclose(prefix.slope, [1 / 255] * 3, rtol=1e-5)


def test_a_map_in_each_of_two_models_is_the_product():
    inner = classifier(layers.Rescaling(1.0, -1.0))
    prefix = input_prefix(
        keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1 / 127.5), inner])
    )
    assert prefix.layers == ("Rescaling", "Rescaling")
    np.testing.assert_allclose([prefix.low, prefix.slope], [[-1] * 3, [2 / 255] * 3], rtol=1e-4)


def test_channels_as_the_first_axis_and_open_sides():
    first = [layers.Rescaling(1 / 255), layers.Permute((2, 3, 1))]
    prefix = input_prefix(classifier(*first, shape=(3, 8, 8)))
    np.testing.assert_allclose(prefix.slope, [1 / 255] * 3, rtol=1e-5)
    prefix = input_prefix(classifier(layers.Rescaling(1 / 255), shape=(None, None, 1)))
    np.testing.assert_allclose(prefix.slope, [1 / 255], rtol=1e-5)


@pytest.mark.parametrize(
    "before",
    [
        [],
        [layers.RandomFlip()],
        [layers.Conv2D(3, 1), layers.Rescaling(1 / 255)],
        [layers.BatchNormalization(), layers.Rescaling(1 / 255)],
        [layers.Activation("tanh"), layers.Rescaling(1 / 255)],
    ],
)
def test_of_a_model_that_maps_no_pixels_there_is_none(before):
    assert input_prefix(classifier(*before)) is None


def test_a_map_that_is_not_affine_is_none():
    assert input_prefix(classifier(function=lambda images: images * images)) is None


def test_a_branch_that_takes_the_images_before_the_map_hides_it():
    images = keras.Input((8, 8, 3))
    mapped = layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(images))
    hidden = layers.Add()([mapped, layers.Conv2D(4, 3)(images)])
    model = keras.Model(images, layers.GlobalAveragePooling2D()(hidden))
    assert input_prefix(model) is None
