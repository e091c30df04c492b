"""A model becomes a file with the same outputs; a file of another model is detected."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mosaickd_tf import evaluation
from mosaickd_tf.compression import convert
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.errors import RunError
from mosaickd_tf.tasks import SingleLabel
from tests.compression import IMAGES, SHAPE, student, unit_logits


@pytest.fixture(scope="module")
def model():
    return to_tf_keras(student(), IMAGES)


@pytest.mark.parametrize("outputs", ["probabilities", "logits"])
def test_a_float_file_takes_bytes_and_has_the_outputs_of_the_student(model, tmp_path, outputs):
    path = tmp_path / "student.tflite"
    convert.save(model, path, outputs, task=SingleLabel())
    logits = unit_logits(student()).astype("float64")
    odds = np.exp(logits)
    expected = logits if outputs == "logits" else odds / odds.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(evaluation.TfliteModel(path).predict(IMAGES), expected, atol=1e-4)
    interpreter = Interpreter(str(path))
    (taken,) = interpreter.get_input_details()
    assert (taken["dtype"], taken["shape"].tolist()) == (np.uint8, [1, *SHAPE])
    signature = {"inputs": ["images"], "outputs": [outputs]}
    assert interpreter.get_signature_list() == {"serving_default": signature}
    convert.verify_conversion(model, path, IMAGES, outputs, task=SingleLabel())


def test_a_float_file_of_another_model_is_detected(model, tmp_path):
    convert.save(model, tmp_path / "student.tflite", "logits", task=SingleLabel())
    other = to_tf_keras(student(), IMAGES)
    bias = other.get_layer("logits").bias
    bias.assign_add(np.full(bias.shape, 1e-2, "float32"))
    with pytest.raises(RunError, match="'student.tflite' differs from the model.*Received: 0.01"):
        convert.verify_conversion(
            other, tmp_path / "student.tflite", IMAGES, "logits", task=SingleLabel()
        )
