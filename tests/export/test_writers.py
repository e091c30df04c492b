"""Each format has the student's outputs and its own signature, and is complete or absent."""

import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import export
from mosaickd_tf.models import training_copy
from tests import tiny
from tests.export import IMAGES, logits, softmax, student


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# .keras


def test_the_student_alone_comes_back_trainable_and_bit_for_bit(tmp_path):
    fast = training_copy(student(), "mixed_bfloat16")
    fast.trainable = False
    export.save_student(fast, tmp_path / "student.keras")
    loaded = keras.saving.load_model(tmp_path / "student.keras")
    assert tiny.same_bits(tiny.values(student()), tiny.values(loaded))
    assert len(loaded.trainable_variables) == len(student().trainable_variables)
    np.testing.assert_allclose(logits(loaded), logits(student()), atol=1e-6)


@pytest.mark.slow
def test_both_keras_files_work_where_this_package_cannot_be_imported(tmp_path):
    export.save_student(training_copy(student(), "mixed_bfloat16"), tmp_path / "student.keras")
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


# Whole or not at all


@pytest.mark.parametrize(
    "write, name",
    [
        (export.save_student, "student.keras"),
        (export.save_serving, "serving.keras"),
        (export.save_saved_model, "saved_model"),
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
    with pytest.raises(OSError):
        write(student(), tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    assert names(tmp_path) == [name]
