"""The drawn training images, and the comparison of files on them."""

import types

import numpy as np
import pytest

from benchmarks import training_images
from mosaickd_tf.data.images import ImageSet


@pytest.fixture
def train():
    """Returns images whose pixels are their number."""
    images = np.arange(50, dtype=np.uint8).reshape(-1, 1, 1, 1)
    labels = np.arange(50, dtype=np.int32) % 2
    return ImageSet(images=images, labels=labels, label_names=("even", "odd"), source="tests")


def test_images_are_drawn_once_with_their_labels_and_reproducibly(train):
    images, labels = training_images.draw(train, 20)
    numbers = images.ravel()
    assert len(set(numbers)) == 20 and numbers.tolist() != sorted(numbers)
    np.testing.assert_array_equal(labels, numbers % 2)
    np.testing.assert_array_equal(images, training_images.draw(train, 20)[0])


def test_a_file_is_compared_with_the_labels_and_the_first_file(monkeypatch):
    scores = {
        "first": [[1, 0], [1, 0], [0, 1], [0, 1]],  # the classes 0, 0, 1, 1
        "second": [[0, 1], [1, 0], [0, 1], [1, 0]],  # 1, 0, 1, 0
    }

    def opened(path):
        return types.SimpleNamespace(predict=lambda images: np.array(scores[path]))

    monkeypatch.setattr(training_images.evaluation, "open_model", opened)
    found = training_images.measure(["first", "second"], None, np.array([0, 0, 1, 0]))
    assert found == [(0.75, 1.0), (0.75, 0.5)]
