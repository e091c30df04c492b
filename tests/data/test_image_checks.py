"""Warnings about images from which little can be learned."""

import numpy as np
import pytest

from mosaickd_tf.data import image_checks
from mosaickd_tf.data.images import ImageSet


@pytest.mark.parametrize(("count", "said"), [(1, True), (3, True), (16, False), (40, False)])
def test_fewer_images_than_a_batch_are_said(caplog, count, said):
    image_checks.warn_of_few(ImageSet(images=np.zeros((count, 8, 8, 3), np.uint8)), 16)
    assert ("fewer than the 16 of a batch" in caplog.text) == said


def test_equal_images_are_said(caplog):
    images = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    image_checks.warn_of_equal("x", images)
    assert caplog.text == ""
    image_checks.warn_of_equal("x", images[[0, 0, 0]])
    assert "all images are the same" in caplog.text
    image_checks.warn_of_equal("x", np.zeros((1, 8, 8, 3), np.uint8))
    assert "all images are black" in caplog.text


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((64, 64), ""),
        ((100, 70), ""),
        ((63, 100), "1 of 2 images are smaller than 64x64 and were enlarged"),
        ((8, 8), "1 of 2 images are smaller than 64x64"),
        ((12_000, 500), "1 of 2 images are long and were cropped"),
        ((128, 64), ""),  # exactly half of it is left
    ],
)
def test_enlarged_and_cut_images_are_counted(caplog, size, words):
    image_checks.warn_of_sizes("x", np.array([size, (64, 64)]), (64, 64, 3))
    assert words in caplog.text and bool(words) == bool(caplog.text)
