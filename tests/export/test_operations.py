"""Operations of a file, which of them may compute in float, and the range of its logits."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from mosaickd_tf import export
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import operations
from mosaickd_tf.tasks import get_task
from tests.export import IMAGES, student


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
    assert "Received: CONV_2D, FULLY_CONNECTED, SOFTMAX" in str(caught.value)


def test_layers_that_compute_in_float_are_named(tmp_path):
    """The mean square of a normalization has no kernel of integers."""
    images = keras.Input((8, 8, 3))
    hidden = layers.LayerNormalization(name="normalized")(layers.Conv2D(4, 3, name="maps")(images))
    model = keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(hidden)))
    with pytest.raises(RequestError) as caught:
        export.save_tflite_int8(model, tmp_path / "student.tflite", calibration=IMAGES)
    assert "of the layers 'normalized'. Replace those layers" in str(caught.value)
    assert not (tmp_path / "student.tflite").exists()


def test_floats_where_they_may_be_pass(float32):
    names = {name for name, _ in operations.of_file(float32)}
    operations.check_integers(float32, "mine", allowed=names)


def scales_and_outputs(path):
    """Returns the scales of a file's tensors in the runtime, and its output for an image."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES[:1])
    interpreter.invoke()
    (given,) = interpreter.get_output_details()
    scale, zero = given["quantization"]
    output = interpreter.get_tensor(given["index"])[0].astype("float32")
    rows = interpreter.get_tensor_details()
    scales = np.array([row["quantization"][0] for row in rows])
    return scales, (output - zero) * scale if scale else output


@pytest.mark.parametrize("write", [export.save_tflite_int8, export.save_tflite_int16x8])
@pytest.mark.parametrize(
    ("outputs", "task"),
    [
        ("logits", "single_label"),
        ("probabilities", "single_label"),
        ("probabilities", "multi_label"),
    ],
)
def test_the_range_of_logits_is_widened_and_they_stay_what_they_are(tmp_path, write, outputs, task):
    path = tmp_path / "student.tflite"
    write(student(), path, outputs, get_task(task), calibration=IMAGES)
    before, logits = scales_and_outputs(path)
    operations.widen_logits(path, 4.0)
    after, again = scales_and_outputs(path)
    changed = after[before != after] / before[before != after]
    np.testing.assert_allclose(changed, 4.0)
    as_bytes = write is export.save_tflite_int8 and outputs == "logits"
    assert len(changed) == (2 if as_bytes else 1)  # int8 inside, and uint8 as they leave
    np.testing.assert_allclose(again, logits, atol=4 * before[before != after].max())


def test_logits_that_are_a_mean_are_left_alone(tmp_path):
    images = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3)(images)
    model = keras.Model(images, layers.GlobalAveragePooling2D()(maps), name="maps")
    path = tmp_path / "student.tflite"
    export.save_tflite_int8(model, path, "logits", calibration=IMAGES)
    before = path.read_bytes()
    operations.widen_logits(path, 4.0)
    assert path.read_bytes() == before


def test_a_float_file_has_no_ranges_to_widen(float32):
    before, output = scales_and_outputs(float32)
    operations.widen_logits(float32, 4.0)
    after, again = scales_and_outputs(float32)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(output, again)
