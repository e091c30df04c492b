"""A rounded teacher equals the teacher up to a step, in a smaller file."""

import keras
import numpy as np

from benchmarks.rounded_teacher import rounded, write
from mosaickd_tf import models
from tests import tiny


def test_rounding_by_hand():
    array = np.array([[0.75, -0.3, 0.126, 0.0]], "float32")
    np.testing.assert_array_equal(rounded(array, bits=2), [[0.75, -0.25, 0.25, 0.0]])
    np.testing.assert_array_equal(rounded(np.zeros((2, 2), "float32")), np.zeros((2, 2)))


def test_kernels_are_rounded_and_other_variables_unchanged(tmp_path):
    teacher = tiny.wide_resnet()
    teacher.save(tmp_path / "teacher.keras")
    write(tmp_path / "teacher.keras", tmp_path / "small.keras")
    small = models.load_classifier(tmp_path / "small.keras")
    for old, new in zip(teacher.variables, small.variables, strict=True):
        array = keras.ops.convert_to_numpy(old)
        expected = rounded(array) if array.ndim > 1 else array
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(new), expected)
        assert np.abs(expected - array).max() <= np.abs(array).max() / 2**8
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("teacher", "small")]
    assert sizes[1] < sizes[0] / 2
