"""A twin becomes a file that gives what it gives, and a file of another twin is found out."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mosaickd_tf import evaluation
from mosaickd_tf.compression import convert
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.errors import RunError
from tests.compression import IMAGES, SHAPE, student, unit_logits


@pytest.fixture(scope="module")
def twin():
    return to_tf_keras(student(), IMAGES)


@pytest.mark.parametrize("outputs", ["probabilities", "logits"])
def test_a_float_file_takes_bytes_and_gives_what_the_student_gives(twin, tmp_path, outputs):
    path = tmp_path / "student.tflite"
    convert.save(twin, path, outputs)
    logits = unit_logits(student()).astype("float64")
    odds = np.exp(logits)
    expected = logits if outputs == "logits" else odds / odds.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(evaluation.TfliteModel(path).predict(IMAGES), expected, atol=1e-4)
    interpreter = Interpreter(str(path))
    (taken,) = interpreter.get_input_details()
    assert (taken["dtype"], taken["shape"].tolist()) == (np.uint8, [1, *SHAPE])
    signature = {"inputs": ["images"], "outputs": [outputs]}
    assert interpreter.get_signature_list() == {"serving_default": signature}
    convert.check(twin, path, IMAGES, outputs)


def test_a_float_file_of_another_twin_is_found_out(twin, tmp_path):
    convert.save(twin, tmp_path / "student.tflite", "logits")
    other = to_tf_keras(student(), IMAGES)
    bias = other.get_layer("logits").bias
    bias.assign_add(np.full(bias.shape, 1e-2, "float32"))
    with pytest.raises(RunError, match="'student.tflite' is not the model.*Received: 0.01"):
        convert.check(other, tmp_path / "student.tflite", IMAGES, "logits")
