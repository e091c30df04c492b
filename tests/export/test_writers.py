"""Each format holds the student, says what it takes and gives, and is there whole or not."""

import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from mosaickd_tf import export
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import writers
from mosaickd_tf.models import fast_copy
from tests import tiny
from tests.export import IMAGES, logits, softmax, student


@pytest.fixture(scope="module")
def tflite(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "student.tflite"
    export.save_tflite(student(), path)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# .keras


def test_the_student_alone_comes_back_trainable_and_bit_for_bit(tmp_path):
    fast = fast_copy(student(), "mixed_bfloat16")
    fast.trainable = False
    export.save_student(fast, tmp_path / "student.keras")
    loaded = keras.saving.load_model(tmp_path / "student.keras")
    assert tiny.same_bits(tiny.values(student()), tiny.values(loaded))
    assert len(loaded.trainable_variables) == len(student().trainable_variables)
    np.testing.assert_allclose(logits(loaded), logits(student()), atol=1e-6)


@pytest.mark.slow
def test_both_keras_files_work_where_this_package_cannot_be_imported(tmp_path):
    export.save_student(fast_copy(student(), "mixed_bfloat16"), tmp_path / "student.keras")
    export.save_serving(student(), tmp_path / "serving.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    script = """
        import importlib.abc, json, sys

        class Blocker(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "mosaickd_tf":
                    raise ImportError(name + " is blocked")

        sys.meta_path.insert(0, Blocker())
        import keras
        import numpy as np

        images = np.load("images.npy")
        student = keras.saving.load_model("student.keras")
        serving = keras.saving.load_model("serving.keras")
        outputs = [student(images.astype("float32") / 255), serving(images)]
        print(json.dumps([np.asarray(rows).tolist() for rows in outputs]))
        try:
            import mosaickd_tf
        except ImportError as error:
            print(error)
    """
    answer = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"CUDA_VISIBLE_DEVICES": "-1", "PATH": ""},
    )
    assert answer.returncode == 0, answer.stderr
    outputs, blocked = answer.stdout.splitlines()
    assert blocked == "mosaickd_tf is blocked"
    student_logits, probabilities = json.loads(outputs)
    np.testing.assert_allclose(student_logits, logits(student()), atol=1e-5)
    np.testing.assert_allclose(probabilities, softmax(logits(student())), atol=1e-6)


# SavedModel


@pytest.mark.parametrize("outputs", ["probabilities", "logits"])
def test_the_signature_of_a_saved_model(tmp_path, outputs):
    export.save_saved_model(student(), tmp_path / "saved_model", outputs)
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    signature = loaded.signatures["serving_default"]
    _, taken = signature.structured_input_signature
    assert taken == {"images": tf.TensorSpec((None, 8, 8, 3), tf.uint8, name="images")}
    assert set(signature.structured_outputs) == {outputs}
    assert signature.structured_outputs[outputs].dtype == tf.float32
    wanted = logits(student()) if outputs == "logits" else softmax(logits(student()))
    for batch in (IMAGES, IMAGES[:1]):
        received = signature(images=tf.constant(batch))[outputs]
        np.testing.assert_allclose(received, wanted[: len(batch)], atol=1e-5)


# .tflite


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


# Whole or not at all


@pytest.mark.parametrize(
    "write, name",
    [
        (export.save_student, "student.keras"),
        (export.save_serving, "serving.keras"),
        (export.save_saved_model, "saved_model"),
        (export.save_tflite, "student.tflite"),
    ],
)
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, write, name
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    (tmp_path / name).write_text("old")
    monkeypatch.setattr(keras.Model, "save", full)
    monkeypatch.setattr(keras.export.ExportArchive, "write_out", full)
    monkeypatch.setattr(writers.tf.lite.TFLiteConverter, "from_keras_model", StubConverter)
    monkeypatch.setattr(writers.files.pathlib.Path, "write_bytes", full)
    with pytest.raises(OSError):
        write(student(), tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    assert names(tmp_path) == [name]


class StubConverter:
    """Converts at once."""

    def __init__(self, model):
        self.target_spec = tf.lite.TargetSpec()

    def convert(self):
        return b"content"


def test_another_failure_of_the_converter_is_told_in_one_line(tmp_path, monkeypatch):
    class Broken(StubConverter):
        def convert(self):
            raise ValueError("first line\nsecond line")

    monkeypatch.setattr(writers.tf.lite.TFLiteConverter, "from_keras_model", Broken)
    with pytest.raises(RunError, match="first line") as caught:
        export.save_tflite(student(), tmp_path / "student.tflite")
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == []
