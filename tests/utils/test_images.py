"""Conversion of unit images to bytes."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.utils.images import to_uint8


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_rounded_to_the_nearest_integer(dtype):
    values = np.array([0.0, 0.5 / 255.01, 0.51 / 255, 1.0], dtype)
    received = to_uint8(values)
    assert received.dtype == np.uint8
    np.testing.assert_array_equal(received, [0, 0, 1, 255])


def test_halves_are_rounded_to_the_even_integer():
    halves = np.array([0.5, 1.5, 2.5, 126.5, 254.5]) / 255
    assert (halves * 255 % 1 == 0.5).all()  # float64 holds them
    np.testing.assert_array_equal(to_uint8(halves), [0, 2, 2, 126, 254])


def test_values_outside_of_the_unit_interval_are_clipped():
    np.testing.assert_array_equal(to_uint8([-0.5, -1e-9, 1.004, 7.0]), [0, 0, 255, 255])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_bytes_come_back_from_unit_images_of_low_precision(dtype):
    levels = np.arange(256) if dtype != "bfloat16" else np.arange(0, 256, 17)
    images = tf.cast(tf.constant(levels / 255), dtype)
    np.testing.assert_array_equal(to_uint8(tf.reshape(images, (1, -1, 1, 1))).ravel(), levels)


def test_black_and_white_may_be_integers_or_booleans():
    for dtype in (int, bool, np.uint8):
        np.testing.assert_array_equal(to_uint8(np.array([0, 1], dtype)), [0, 255])
