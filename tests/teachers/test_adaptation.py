"""Unit images as each teacher takes them, against NumPy in float64."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers.adaptation import of_unit_images
from mosaickd_tf.teachers.inputs import TeacherInput
from tests.teachers.range_models import OF_UNIT

RNG = np.random.default_rng(7)
COLOR = RNG.uniform(size=(3, 6, 8, 3)).astype("float32")
GRAY = COLOR[..., :1]
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601


def identity(shape, dtype="float32", batch_size=None):
    """Builds a teacher that returns what it was given."""
    images = keras.Input(shape, batch_size=batch_size, dtype=dtype)
    return keras.Model(images, layers.Activation("linear", dtype="float32")(images))


def received(model, images, image_shape, **taken):
    taken = TeacherInput(image_shape=image_shape, path="teacher.keras", **taken)
    return np.asarray(of_unit_images(model, taken, images.shape[1:])(images))


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("pixels", list(OF_UNIT))
def test_pixels_are_those_of_the_formula(pixels, channels_first):
    shape = (3, 6, 8) if channels_first else (6, 8, 3)
    values = received(
        identity(shape), COLOR, (6, 8, 3), pixels=pixels, channels_first=channels_first
    )
    expected = OF_UNIT[pixels](COLOR.astype("float64"))
    expected = expected.transpose(0, 3, 1, 2) if channels_first else expected
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=2e-5)


def test_caffe_is_what_keras_applications_calls_it():
    values = received(identity((6, 8, 3)), COLOR, (6, 8, 3), pixels="caffe")
    expected = keras.applications.resnet50.preprocess_input(COLOR * 255)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_data_sets_by_name_have_the_statistics_of_their_users(name):
    published = {
        "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
        "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    }
    mean, std = map(np.array, published[name])
    values = received(identity((6, 8, 3)), COLOR, (6, 8, 3), pixels=name)
    np.testing.assert_allclose(values, (COLOR - mean) / std, rtol=1e-5, atol=1e-5)


def test_given_statistics_are_those_of_unit_images():
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.125)
    values = received(identity((6, 8, 3)), COLOR, (6, 8, 3), pixels=(mean, std))
    np.testing.assert_allclose(values, (COLOR - mean) / std, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pixels", ["unit", "signed", "bytes"])
def test_a_gray_teacher_sees_the_luma_of_color_images(pixels):
    values = received(identity((6, 8, 1)), COLOR, (6, 8, 1), pixels=pixels)
    expected = OF_UNIT[pixels](COLOR.astype("float64") @ LUMA[:, None])
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pixels", list(OF_UNIT))
def test_a_color_teacher_sees_gray_images_as_three_equal_channels(pixels):
    values = received(identity((6, 8, 3)), GRAY, (6, 8, 3), pixels=pixels)
    expected = OF_UNIT[pixels](np.repeat(GRAY, 3, axis=-1).astype("float64"))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=2e-5)


def test_smaller_images_are_enlarged_and_larger_ones_averaged():
    """Of a linear ramp bilinear resizing keeps the ramp; constant blocks average to constants."""
    ramp = np.tile(np.arange(8, dtype="float32")[None, None, :, None] / 8, (1, 6, 1, 1))
    values = received(identity((6, 16, 1)), ramp, (6, 16, 1), pixels="bytes")
    expected = 255 * ((np.arange(1, 15) + 0.5) / 2 - 0.5) / 8  # centers of pixels, edges left out
    np.testing.assert_allclose(values[0, 0, 1:15, 0], expected, rtol=1e-5)
    noise = RNG.integers(0, 2, size=(1, 64, 64, 1)).astype("float32")
    small = received(identity((8, 8, 1)), noise, (8, 8, 1), pixels="unit")
    assert small.std() < 0.25 * noise.std()  # antialiased: 64 pixels or more make one


def test_open_sides_are_those_of_the_images():
    model = identity((None, None, 3))
    values = received(model, COLOR, (None, None, 3), pixels="signed")
    np.testing.assert_allclose(values, 2 * COLOR - 1, atol=1e-6)


@pytest.mark.parametrize(("shape", "axes"), [((48,), 1), ((6, 8), 2)])
def test_images_without_an_axis_of_channels(shape, axes):
    values = received(identity(shape), GRAY, (6, 8, 1), pixels="signed")
    assert values.ndim == axes + 1
    np.testing.assert_allclose(values.reshape(GRAY.shape), 2 * GRAY - 1, atol=1e-6)


def test_flat_images_are_in_the_order_of_axes_that_is_given():
    values = received(identity((144,)), COLOR, (6, 8, 3), pixels="unit")
    np.testing.assert_allclose(values, COLOR.reshape(3, -1), atol=1e-7)
    values = received(identity((144,)), COLOR, (6, 8, 3), pixels="unit", channels_first=True)
    np.testing.assert_allclose(values, COLOR.transpose(0, 3, 1, 2).reshape(3, -1), atol=1e-7)


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
def test_integers_and_a_fixed_batch_size_become_floats_of_any_number():
    model = identity((6, 8, 3), dtype="uint8", batch_size=2)
    values = received(model, COLOR, (6, 8, 3), pixels="bytes")
    np.testing.assert_allclose(values, 255 * COLOR, rtol=1e-5)


def test_of_unit_images_nothing_is_put_in_front():
    model = identity((6, 8, 3))
    taken = TeacherInput(image_shape=(6, 8, 3), pixels="unit")
    assert of_unit_images(model, taken, (6, 8, 3)) is model


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        ("caffe", "teacher_input=caffe for 1 channels"),
        ("imagenet", "teacher_input=imagenet for 1 channels"),
        (((0.1, 0.2, 0.3), (0.5, 0.5, 0.5)), "`teacher_mean` and `teacher_std`"),
    ],
)
def test_statistics_of_three_channels_are_refused_for_a_gray_teacher(pixels, words):
    with pytest.raises(RequestError, match=words):
        received(identity((6, 8, 1)), GRAY, (6, 8, 1), pixels=pixels)
