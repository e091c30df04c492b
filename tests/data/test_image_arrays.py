"""Collections of images: those that become one uint8 array, and those that are refused."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data.image_arrays import as_uint8_images
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.streams import rounds
from mosaickd_tf.errors import RequestError

N = 12
RANDOM = np.random.RandomState(8).randint(1, 256, size=(N, 8, 8, 3)).astype(np.uint8)
UNIT = (RANDOM / 255).astype(np.float32)
slices = tf.data.Dataset.from_tensor_slices

COLLECTIONS = {
    "uint8 array": lambda: RANDOM,
    "float array": lambda: RANDOM / 255,
    "float32 array": lambda: (RANDOM / 255).astype(np.float32),
    "list": lambda: list(RANDOM),
    "tensor": lambda: tf.constant(RANDOM),
    "data set": lambda: slices(RANDOM),
    "data set of floats": lambda: slices(RANDOM / 255),
    "data set of batches": lambda: slices(RANDOM).batch(5),
    "data set of pairs": lambda: slices((RANDOM, range(N))),
    "data set of batches of pairs": lambda: slices((RANDOM, range(N))).batch(5),
    "data set of unknown length": lambda: slices(RANDOM).filter(lambda _: True),
}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_any_finite_collection_becomes_the_same_uint8_array(collection):
    received = as_uint8_images(COLLECTIONS[collection]())
    assert received.dtype == np.uint8
    np.testing.assert_array_equal(received, RANDOM)


def test_floats_are_rounded_to_the_nearest_of_256_levels():
    levels = np.array([0.001, 0.003, 0.5, 0.997, 0.999]).reshape(5, 1, 1, 1)
    assert as_uint8_images(levels).ravel().tolist() == [0, 1, 128, 254, 255]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((0, 8, 8, 3), np.uint8), "at least one image"),
        (np.zeros((8, 8, 3), np.uint8), "at least one image"),
        (np.full((1, 8, 8, 3), 1.01), "floats in \\[0, 1\\]"),
        (np.full((1, 8, 8, 3), -0.01), "floats in \\[0, 1\\]"),
        (np.full((1, 8, 8, 3), np.nan), "floats in \\[0, 1\\]"),
        (np.full((1, 8, 8, 3), 200), "uint8"),
    ],
    ids=["empty", "one image", "too bright", "negative", "not a number", "int64"],
)
def test_invalid_images_are_refused_in_one_line(images, message):
    with pytest.raises(RequestError, match=message) as caught:
        rounds(images, batch_size=4)
    assert len(str(caught.value).splitlines()) == 1


def test_an_endless_data_set_is_refused():
    endless = slices(RANDOM).repeat()
    with pytest.raises(RequestError, match="endlessly"):
        rounds(endless, batch_size=4)


def test_an_empty_data_set_is_refused():
    with pytest.raises(RequestError, match="at least one image"):
        rounds(slices(RANDOM).take(0), batch_size=4)


def of_two_sizes():
    spec = tf.TensorSpec((None, None, 3), "float32")
    return tf.data.Dataset.from_generator(
        lambda: iter([UNIT[0], UNIT[1, 1:]]), output_signature=spec
    )


def first_nan():
    images = UNIT.copy()
    images[0, 0, 0, 0] = np.nan
    return images


MISTAKES = {
    "dicts": (lambda: slices({"image": UNIT}), r"keys \['image'\].*row\[KEY\]"),
    "dict": (lambda: {"image": UNIT}, "a dict with the keys"),
    "labels": (lambda: slices(np.arange(N)), r"elements of shape \(\) and int64"),
    "labels first": (lambda: slices((np.arange(N), UNIT)), r"do not begin with.*row\[1\]"),
    "paths": (lambda: slices(["a.png", "b.png"]), "string"),
    "list of paths": (lambda: ["a.png", "b.png"], "Load them first"),
    "path": (lambda: pathlib.Path("photos"), "'photos'. Load them first"),
    "pair of arrays": (lambda: (UNIT, np.arange(N)), r"one shape.*`images\[0\]`"),
    "list of two sizes": (lambda: [UNIT[0], UNIT[1, 1:]], "one shape.*Resize"),
    "data set of two sizes": (of_two_sizes, "one shape.*Resize"),
    "channels first": (lambda: UNIT.transpose(0, 3, 1, 2), r"first.*transpose\(0, 2, 3, 1\)"),
    "signed": (lambda: UNIT * 2 - 1, r"\(images \+ 1\) / 2"),
    "float bytes": (lambda: RANDOM.astype("float32"), "by 255"),
    "divided twice": (lambda: UNIT / 255, "once only"),
    "truncated": (lambda: UNIT.astype("uint8"), "0 and 1 alone"),
    "nan": (first_nan, "not all finite"),
    "int32": (lambda: RANDOM.astype("int32"), r"astype\('uint8'\)"),
    "bool": (lambda: RANDOM > 128, "bool"),
    "model": (lambda: keras.Sequential([keras.Input((8, 8, 3))]), "Received: Sequential"),
    "nothing": (lambda: None, "Received: NoneType"),
    "image set": (lambda: ImageSet(images=RANDOM), "`images.images`"),
    "generator": (lambda: iter(UNIT), "Received: array_iterator|Received: iterator"),
    "one image": (lambda: UNIT[0], r"`images\[None\]`"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_usual_mistake_is_refused_with_what_to_do(mistake):
    images, said = MISTAKES[mistake]
    with pytest.raises(RequestError, match=f"`images` must.*({said})") as caught:
        as_uint8_images(images())
    assert "Received: " in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_black_images_are_taken():
    assert not as_uint8_images(np.zeros((2, 8, 8, 3), "uint8")).any()


def test_a_third_element_is_passed_over():
    triples = slices((RANDOM, np.arange(N), np.ones(N)))
    np.testing.assert_array_equal(as_uint8_images(triples), RANDOM)
