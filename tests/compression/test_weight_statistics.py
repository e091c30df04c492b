"""Statistics read from a file are those of the weights written to it."""

import numpy as np
import pytest

from mosaickd_tf.compression import weight_statistics
from mosaickd_tf.export import save_tflite
from tests.compression import student


def test_the_kernels_of_a_file_are_those_of_the_student(tmp_path):
    save_tflite(student(), tmp_path / "student.tflite")
    stem, conv, logits = weight_statistics.of_file(tmp_path / "student.tflite")
    kernel = student().get_layer("conv").kernel.numpy()
    np.testing.assert_array_equal(conv, kernel.transpose(3, 0, 1, 2))
    np.testing.assert_array_equal(logits, student().get_layer("logits").kernel.numpy().T)
    assert stem.shape == (8, 3, 3, 3)


def test_zeros_and_values_are_counted():
    kernels = [np.array([[0.0, 1.0, 1.0, 0.0]]), np.array([[[3, 0]]], np.int8)]
    assert weight_statistics.facts(kernels) == {
        "sparsity": 0.5,
        "layers": [
            {"shape": [1, 4], "sparsity": 0.5, "values": 2},
            {"shape": [1, 1, 2], "sparsity": 0.5, "values": 2},
        ],
    }


@pytest.mark.parametrize(
    ("row", "expected"), [([0, 0, 1, 2], True), ([0, 1, 0, 0], True), ([0, 1, 2, 3], False)]
)
def test_two_of_each_four(row, expected):
    kernel = np.array([[1, 0, 0, 1, *row]])
    assert weight_statistics.in_groups(kernel) is expected
