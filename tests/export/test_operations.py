"""What a file computes with, and which of it may be in float."""

import pytest

from mosaickd_tf import export
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import operations
from tests.export import student


@pytest.fixture(scope="module")
def float32(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "student.tflite"
    export.save_tflite(student(), path)
    return path


def test_the_operations_of_a_file_in_order(float32):
    # uint8 to float, /255, the mean, the standard deviation, then the student's layers
    assert operations.of_file(float32) == [
        ("CAST", {"UINT8", "FLOAT32"}),
        ("MUL", {"FLOAT32"}),
        ("SUB", {"FLOAT32"}),
        ("MUL", {"FLOAT32"}),
        ("CONV_2D", {"FLOAT32"}),
        ("MEAN", {"FLOAT32", "INT32"}),
        ("FULLY_CONNECTED", {"FLOAT32"}),
        ("SOFTMAX", {"FLOAT32"}),
    ]


def test_floats_are_refused_by_the_names_of_their_operations(float32):
    with pytest.raises(RequestError) as caught:
        operations.check_integers(float32, "mine", allowed=("CAST", "MUL", "SUB", "MEAN"))
    assert "'mine'" in str(caught.value)
    assert "Received: CONV_2D, FULLY_CONNECTED, SOFTMAX." in str(caught.value)


def test_floats_where_they_may_be_pass(float32):
    names = {name for name, _ in operations.of_file(float32)}
    operations.check_integers(float32, "mine", allowed=names)
