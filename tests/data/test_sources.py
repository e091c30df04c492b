"""Data sets by name: unknown names, embedded data sets, unknown splits."""

import numpy as np
import pytest

from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError
from tests.data import draw, refusal

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.mark.parametrize(
    "name", ["", "cifar10", "folder:", "tfds:", "embedded:", "embedded:cats", "s3:bucket"]
)
def test_an_unknown_name_is_refused_with_the_expected_and_the_received_name(name):
    message = refusal(name)
    assert repr(name) in message
    for known in ("tfds:NAME", "folder:PATH", "embedded:digits", "embedded:photos"):
        assert known in message


def test_the_digits_have_1200_training_and_597_test_images():
    source = open_source("embedded:digits")
    assert source.splits == ("train", "test") and source.label_names == tuple("0123456789")
    train, test = ([label for _, label in source.read(split)] for split in source.splits)
    assert (len(train), len(test)) == (1200, 597)
    assert set(train) == set(test) == set(range(10))


def test_a_digit_is_a_gray_image_of_8_by_8_with_full_contrast():
    from sklearn.datasets import load_digits

    image, label = next(open_source("embedded:digits").read("train"))
    assert (image.mode, image.size, label) == ("L", (8, 8), 0)
    levels = np.asarray(image) / 255 * 16
    np.testing.assert_allclose(levels, load_digits().images[0], atol=0.04)


def test_train_and_test_digits_are_consecutive_and_complete():
    from sklearn.datasets import load_digits

    source = open_source("embedded:digits")
    labels = [label for split in source.splits for _, label in source.read(split)]
    np.testing.assert_array_equal(labels, load_digits().target)


def test_the_photos_are_two_color_images_without_labels():
    source = open_source("embedded:photos")
    assert (source.splits, source.label_names) == (("all",), ())
    rows = list(source.read("all"))
    assert [(p.mode, p.size, label) for p, label in rows] == [("RGB", (640, 427), None)] * 2


@pytest.mark.parametrize("name", ["embedded:digits", "embedded:photos"])
def test_a_source_can_be_read_twice(name):
    source = open_source(name)
    first, again = (
        [image.tobytes() for image, _ in source.read(source.splits[0])] for _ in range(2)
    )
    assert first == again


@pytest.mark.parametrize("name", ["embedded:photos", "embedded:digits", "folder:{}"])
def test_an_unknown_split_is_refused_with_the_known_ones(name, tmp_path):
    draw(tmp_path / "train" / "a" / "1.png", 10)
    source = open_source(name.replace("{}", str(tmp_path)))
    with pytest.raises(RequestError, match="Received: 'validation'") as caught:
        source.read("validation")
    assert f"Expected one of: {', '.join(source.splits)}." in str(caught.value)
