"""Images that a teacher takes, as file and options tell."""

import types

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.config import TeacherConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers.inputs import TeacherInput, assume_unit, decide_pixels, read_input


def network(shape, *before, dtype="float32", number=1):
    """Builds a network that averages images of any rank after the layers `before`."""
    inputs = [keras.Input(shape, dtype=dtype) for _ in range(number)]
    hidden = inputs[0]
    for layer in before:
        hidden = layer(hidden)
    hidden = layers.Activation("linear", dtype="float32")(hidden)
    while len(hidden.shape) > 2:
        hidden = keras.ops.mean(hidden, axis=1)
    return keras.Model(inputs, hidden)


def read(model, *, is_own=False, pixels="", pixels_by="", **options):
    file = types.SimpleNamespace(
        model=model, path="teacher.keras", is_own=is_own, pixels=pixels, pixels_by=pixels_by
    )
    return read_input(file, TeacherConfig(**options))


@pytest.mark.parametrize(
    ("shape", "layout", "image_shape", "channels_first"),
    [
        ((32, 32, 3), "auto", (32, 32, 3), False),
        ((32, 32, 1), "auto", (32, 32, 1), False),
        ((3, 224, 224), "auto", (224, 224, 3), True),
        ((1, 28, 28), "auto", (28, 28, 1), True),
        ((3, 32, 48), "auto", (32, 48, 3), True),
        ((48, 96, 3), "auto", (48, 96, 3), False),
        ((3, None, None), "auto", (None, None, 3), True),
        ((None, None, 3), "auto", (None, None, 3), False),
        ((None, 64, 1), "auto", (None, 64, 1), False),
        ((3, 32, 3), "auto", (3, 32, 3), False),
        ((3, 32, 3), "channels_first", (32, 3, 3), True),
        ((3, 8, 3), "channels_last", (3, 8, 3), False),
        ((28, 28), "auto", (28, 28, 1), False),
        ((784,), "auto", (28, 28, 1), False),
        ((3072,), "auto", (32, 32, 3), False),
        ((3072,), "channels_first", (32, 32, 3), True),
    ],
)
def test_sides_channels_and_order_of_axes_are_read_off_the_shape(
    shape, layout, image_shape, channels_first
):
    taken = read(network(shape), teacher_layout=layout)
    assert (taken.image_shape, taken.channels_first) == (image_shape, channels_first)
    assert taken.path == "teacher.keras" and taken.pixels is None


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((32, 32, 4), "auto"),
        ((8, 32, 32, 3), "auto"),
        ((32, 32, 3), "channels_first"),
        ((3, 32, 32), "channels_last"),
        ((10,), "auto"),
    ],
)
def test_other_shapes_are_refused_with_the_option(shape, layout):
    with pytest.raises(RequestError, match="`teacher_layout`"):
        read(network(shape), teacher_layout=layout)


def test_several_inputs_are_refused():
    with pytest.raises(RequestError, match="several inputs.*'teacher.keras'"):
        read(network((8, 8, 3), number=2))


def test_what_is_given_comes_before_what_the_file_shows():
    model = network((8, 8, 3), layers.Rescaling(1 / 255))
    given = read(model, is_own=True, pixels="bytes", teacher_input="caffe")
    assert (given.pixels, given.evidence) == ("caffe", "teacher_input")
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    given = read(model, is_own=True, teacher_mean=mean, teacher_std=std)
    assert (given.pixels, given.evidence) == ((mean, std), "teacher_mean")


def test_what_the_file_shows_comes_in_order_of_certainty():
    rescaled = network((8, 8, 3), layers.Rescaling(1 / 255))
    own = read(rescaled, is_own=True, pixels="signed")
    assert (own.pixels, own.evidence) == ("unit", "made by this program")
    integers = read(network((8, 8, 3), dtype="uint8"), pixels="signed", pixels_by="quantization")
    assert (integers.pixels, integers.evidence) == ("bytes", "uint8 input")
    known = read(rescaled, pixels="signed", pixels_by="quantization")
    assert (known.pixels, known.evidence) == ("signed", "quantization")


IMAGENET = {"mean": [0.485, 0.456, 0.406], "variance": [0.229**2, 0.224**2, 0.225**2]}


@pytest.mark.parametrize(
    ("before", "pixels", "evidence"),
    [
        ([layers.Rescaling(1 / 255)], "bytes", "Rescaling inside"),
        ([layers.Rescaling(1 / 127.5, offset=-1)], "bytes", "Rescaling inside"),
        ([layers.Rescaling(1 / 255, offset=-0.5)], "bytes", "Rescaling inside"),
        ([layers.Rescaling(2.0, offset=-1)], "unit", "Rescaling inside"),
        ([layers.Rescaling(255.0)], "unit", "Rescaling inside"),
        ([layers.Rescaling(127.5, offset=127.5)], "signed", "Rescaling inside"),
        ([layers.Rescaling(0.5, offset=0.5)], "signed", "Rescaling inside"),
        ([layers.Normalization(**IMAGENET)], "unit", "Normalization inside"),
        (
            [layers.Rescaling(1 / 255), layers.Normalization(**IMAGENET)],
            "bytes",
            "Rescaling and Normalization inside",
        ),
        (
            [layers.Normalization(mean=[120.0] * 3, variance=[64.0**2] * 3)],
            "bytes",
            "Normalization inside",
        ),
        ([layers.RandomFlip(), layers.Rescaling(1 / 255)], "bytes", "Rescaling inside"),
    ],
)
def test_the_first_layers_show_the_range(before, pixels, evidence):
    taken = read(network((8, 8, 3), *before))
    assert (taken.pixels, taken.evidence) == (pixels, evidence)


@pytest.mark.parametrize(
    "before",
    [
        [],
        [layers.RandomFlip()],
        [layers.Rescaling(0.3)],
        [layers.Conv2D(3, 1), layers.Rescaling(1 / 255)],
        [layers.ReLU(), layers.Rescaling(1 / 255)],
    ],
)
def test_first_layers_that_show_none_leave_it_open(before):
    taken = read(network((8, 8, 3), *before))
    assert (taken.pixels, taken.evidence) == (None, "")


def applied(images, mode):
    """Applies the formulas of keras.applications, as the program writes them into models."""
    if mode == "tf":
        return images / 127.5 - 1.0
    return images[..., ::-1] - keras.ops.array([103.939, 116.779, 123.68])


@pytest.mark.parametrize("mode", ["tf", "caffe"])
def test_a_prefix_of_keras_applications_in_the_model_is_read(mode):
    """Operations on tensors, as of `preprocess_input` in a functional model."""
    images = keras.Input((8, 8, 3))
    hidden = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(applied(images, mode)))
    taken = read(keras.Model(images, hidden))
    assert taken.pixels == "bytes"


@pytest.mark.parametrize("network_name", ["mobilenet_v2", "resnet50"])
def test_preprocess_input_itself_is_read(network_name):
    images = keras.Input((8, 8, 3))
    preprocessed = getattr(keras.applications, network_name).preprocess_input(images)
    hidden = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(preprocessed))
    assert read(keras.Model(images, hidden)).pixels == "bytes"


@pytest.mark.parametrize("name", ["teacher_input", "made by this program", "quantization"])
def test_what_is_certain_is_not_decided_again(name):
    taken = TeacherInput(image_shape=(8, 8, 3), pixels="signed", evidence=name)
    assert decide_pixels(taken, None, None) is taken


def test_what_is_open_is_decided_by_the_network():
    model = network((8, 8, 3), layers.Conv2D(12, 3), layers.BatchNormalization())
    images = np.random.default_rng(0).integers(0, 256, size=(8, 8, 8, 3)).astype("uint8")
    taken = decide_pixels(read(model), model, images)
    assert taken.pixels == "unit" and taken.evidence.startswith("not trained")


def test_unit_images_may_be_assumed():
    taken = assume_unit(TeacherInput(image_shape=(8, 8, 3)))
    assert (taken.pixels, taken.evidence) == ("unit", "assumed")
