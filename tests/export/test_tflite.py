"""Files for LiteRT: what they take, give, compute with, and how near they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from mosaickd_tf import evaluation, export
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import operations
from mosaickd_tf.export import tflite as writers
from tests.compression import student as pre_activation
from tests.export import IMAGES, logits, softmax, student

DARK = IMAGES // 2  # no pixel is white


@pytest.fixture(scope="module")
def tflite(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "student.tflite"
    export.save_tflite(student(), path)
    return path


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "student.tflite"
    export.save_tflite_int8(student(), path, calibration=DARK)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def types(path):
    """Returns the names of the types of all tensors in the runtime."""
    return {row["dtype"].__name__ for row in Interpreter(str(path)).get_tensor_details()}


def test_a_tflite_file_takes_one_uint8_image_and_gives_its_probabilities(tflite):
    interpreter = Interpreter(str(tflite))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"], taken["shape"].tolist()) == (np.uint8, [1, 8, 8, 3])
    assert taken["shape_signature"].tolist() == [1, 8, 8, 3]
    assert (given["dtype"], given["shape"].tolist()) == (np.float32, [1, 5])
    interpreter.allocate_tensors()
    for image, wanted in zip(IMAGES, softmax(logits(student())), strict=True):
        interpreter.set_tensor(taken["index"], image[np.newaxis])
        interpreter.invoke()
        np.testing.assert_allclose(interpreter.get_tensor(given["index"])[0], wanted, atol=1e-5)


@pytest.mark.parametrize("outputs", ["probabilities", "logits"])
def test_the_signature_names_what_goes_in_and_what_comes_out(tmp_path, outputs):
    export.save_tflite(student(), tmp_path / "student.tflite", outputs)
    signatures = Interpreter(str(tmp_path / "student.tflite")).get_signature_list()
    assert signatures == {"serving_default": {"inputs": ["images"], "outputs": [outputs]}}


def test_a_tflite_file_has_built_in_operations_only(tflite):
    operations = {row["op_name"] for row in Interpreter(str(tflite))._get_ops_details()}
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= operations
    assert not [name for name in operations if name.startswith("Flex") or name == "CUSTOM"]


def test_a_tflite_file_can_give_logits(tmp_path):
    export.save_tflite(student(), tmp_path / "student.tflite", "logits")
    interpreter = Interpreter(str(tmp_path / "student.tflite"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES[:1])
    interpreter.invoke()
    received = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(received, logits(student())[:1], atol=1e-4)


@keras.saving.register_keras_serializable(package="tests")
class HyperbolicSine(keras.layers.Layer):
    """An operation that LiteRT has not built in, but only with a part of TensorFlow beside it."""

    def call(self, inputs):
        return tf.math.sinh(inputs)


def test_a_student_that_lite_rt_cannot_run_is_refused_by_the_name_of_its_operation(tmp_path):
    with pytest.raises(RequestError) as caught:
        export.save_tflite(student(extra=HyperbolicSine()), tmp_path / "student.tflite")
    message = str(caught.value)
    assert "Sinh" in message
    assert "student" in message
    assert len(message.splitlines()) == 1
    assert names(tmp_path) == []


# Fewer bits


def test_an_int8_file_takes_and_gives_bytes(int8):
    interpreter = Interpreter(str(int8))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"], taken["shape"].tolist()) == (np.uint8, [1, 8, 8, 3])
    assert taken["quantization"] == (1.0, 0)  # though no image of the calibration was white
    assert given["dtype"] == np.uint8
    np.testing.assert_allclose(given["quantization"], (1 / 256, 0))


def test_logits_have_half_as_much_room_again_as_the_images_took(tmp_path):
    path = tmp_path / "student.tflite"
    export.save_tflite_int8(student(), path, "logits", calibration=DARK)
    shown = writers._with_black_and_white(DARK).astype("float32") / 255
    logits = student()(shown, training=False).numpy()
    taken = max(logits.max(), 0) - min(logits.min(), 0)
    scale, _ = Interpreter(str(path)).get_output_details()[0]["quantization"]
    assert scale * 255 == pytest.approx(1.5 * taken, rel=0.01)


def test_nothing_in_an_int8_file_is_a_float(int8):
    assert types(int8) == {"int8", "int32", "uint8"}


def test_an_int8_file_runs_with_xnnpack(int8):
    interpreter = Interpreter(str(int8))
    interpreter.allocate_tensors()
    assert "DELEGATE" in {row["op_name"] for row in interpreter._get_ops_details()}


def test_an_int8_file_is_near_the_student(int8):
    received = evaluation.open_model(int8).predict(DARK)
    wanted = softmax(student()(DARK.astype("float32") / 255, training=False).numpy())
    np.testing.assert_allclose(received, wanted, atol=0.02)


def test_a_normalisation_that_no_convolution_takes_in_is_one_operation_in_integers(tmp_path):
    path = tmp_path / "student.tflite"
    export.save_tflite_int8(pre_activation(), path, calibration=DARK)
    kinds = [name for name, _ in operations.of_file(path)]
    assert "MUL" not in kinds
    assert kinds.count("DEPTHWISE_CONV_2D") == 2  # the standardisation, and that of the block


def test_inner_tensors_of_an_int8_file_have_no_names(int8):
    rows = Interpreter(str(int8)).get_tensor_details()
    assert len(rows) > 8 and [row["name"] for row in rows if row["name"]] == [
        "serving_default_images:0",
        "StatefulPartitionedCall:0",
    ]


def test_a_layer_that_cannot_be_folded_leaves_the_student_as_it_is(tmp_path):
    path = tmp_path / "student.tflite"
    export.save_tflite_int8(student(extra=layers.LeakyReLU()), path, calibration=DARK)
    assert "LEAKY_RELU" in {name for name, _ in operations.of_file(path)}


def test_calibration_leaves_the_images_alone():
    before = DARK.copy()
    seen = writers._with_black_and_white(before)
    np.testing.assert_array_equal(before, DARK)
    assert (seen.min(), seen.max()) == (0, 255)
    assert np.sum(seen != before) <= 6


@pytest.mark.parametrize(
    ("write", "kind", "tolerance"),
    [
        (export.save_tflite_float16, "float16", 1e-3),
        (export.save_tflite_dynamic, "float32", 1e-2),
        (export.save_tflite_int16x8, "int16", 1e-2),
    ],
)
def test_other_files_of_fewer_bits_take_bytes_and_give_floats(tmp_path, write, kind, tolerance):
    more = {"calibration": IMAGES} if write is export.save_tflite_int16x8 else {}
    write(student(), tmp_path / "student.tflite", "logits", **more)
    interpreter = Interpreter(str(tmp_path / "student.tflite"))
    assert interpreter.get_input_details()[0]["dtype"] == np.uint8
    assert interpreter.get_output_details()[0]["dtype"] == np.float32
    assert kind in types(tmp_path / "student.tflite")
    received = evaluation.open_model(tmp_path / "student.tflite").predict(IMAGES)
    scale = np.abs(logits(student())).max()
    np.testing.assert_allclose(received, logits(student()), atol=tolerance * scale)


@pytest.mark.parametrize("write", [export.save_tflite_int8, export.save_tflite_int16x8])
def test_an_operation_without_integers_is_refused_by_name(tmp_path, write):
    with pytest.raises(RequestError, match="Received: ELU of the layers") as caught:
        write(
            student(extra=layers.Activation("elu")),
            tmp_path / "student.tflite",
            calibration=IMAGES,
        )
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == []


def test_a_layer_that_the_calibration_never_moves_is_refused(tmp_path):
    dead = layers.ReLU(threshold=1e6)
    with pytest.raises(RequestError, match="Received: at most about 0 in"):
        export.save_tflite_int8(
            student(extra=dead), tmp_path / "student.tflite", calibration=IMAGES
        )
    assert names(tmp_path) == []


# A converter that fails


class StubConverter:
    """Converts at once."""

    def __init__(self, functions, keeper):
        self.target_spec = tf.lite.TargetSpec()

    def convert(self):
        return b"content"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "student.tflite").write_text("old")
    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_concrete_functions", StubConverter)
    monkeypatch.setattr(writers.files.pathlib.Path, "write_bytes", full)
    with pytest.raises(OSError):
        export.save_tflite(student(), tmp_path / "student.tflite")
    assert (tmp_path / "student.tflite").read_text() == "old"
    assert names(tmp_path) == ["student.tflite"]


def test_another_failure_of_the_converter_is_told_in_one_line(tmp_path, monkeypatch):
    class Broken(StubConverter):
        def convert(self):
            raise ValueError("first line\nsecond line")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_concrete_functions", Broken)
    with pytest.raises(RunError, match="first line") as caught:
        export.save_tflite(student(), tmp_path / "student.tflite")
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == []
