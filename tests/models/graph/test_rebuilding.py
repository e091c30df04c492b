"""Models of another batch size, dtype or size of images, with the same values."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.rebuilding import with_free_input, with_image_shape
from tests.tiny import Subclassed

IMAGES = np.random.RandomState(0).uniform(size=(5, 8, 12, 3)).astype("float32")


def network(shape=(None, None, 3), nested=False, **options):
    images = keras.Input(shape, **options)
    hidden = layers.Rescaling(2.0)(images)
    hidden = layers.ReLU()(layers.Conv2D(4, 3)(hidden))
    model = keras.Model(images, layers.Dense(3)(layers.GlobalAveragePooling2D()(hidden)))
    if nested:
        model = keras.Sequential([keras.Input(shape, **options), model])
    return model


@pytest.mark.parametrize("nested", [False, True])
def test_open_sides_become_known_and_values_stay(nested):
    model = network(nested=nested)
    shaped = with_image_shape(model, (8, 12, 3))
    assert shaped.input_shape == (None, 8, 12, 3) and model.input_shape == (None, None, None, 3)
    np.testing.assert_array_equal(shaped(IMAGES), model(IMAGES))


def test_known_sides_are_left_as_they_are():
    model = network((8, 12, 3))
    assert with_image_shape(model, (16, 16, 3)) is model and with_free_input(model) is model


def test_a_size_that_the_model_cannot_take_is_refused():
    with pytest.raises(RequestError, match="`image_size`") as refused:
        with_image_shape(network(), (2, 2, 3))
    assert "(2, 2, 3)" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("options", [{"dtype": "uint8"}, {"batch_size": 2}])
def test_a_fixed_batch_size_and_integers_become_free(options, nested):
    model = network((8, 12, 3), nested, **options)
    free = with_free_input(model)
    assert free.input_shape == (None, 8, 12, 3) and free.inputs[0].dtype == "float32"
    levels = np.round(255 * IMAGES)
    taken = levels[:2].astype(model.inputs[0].dtype)
    np.testing.assert_allclose(free(levels)[:2], model(taken), rtol=1e-5)


def test_a_model_that_cannot_be_rebuilt_is_refused():
    inner = network((8, 12, 3))
    images = keras.Input((8, 12, 3), batch_size=2)
    model = keras.Model(images, Subclassed(inner)(images))
    with pytest.raises(RequestError, match="cannot be made free.*float32 .2, 8, 12, 3"):
        with_free_input(model)
