"""An exported file is what it claims to be, or the run stops."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import evaluation, export
from mosaickd_tf.errors import RunError
from mosaickd_tf.export import verify
from mosaickd_tf.export.verify import verify_export
from tests.export import IMAGES, LABELS, logits, softmax, student

NAMES = ("student.keras", "serving.keras", "saved_model", "student.tflite")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes every format of one student."""
    folder = tmp_path_factory.mktemp("files")
    export.save_student(student(), folder / "student.keras")
    export.save_serving(student(), folder / "serving.keras")
    export.save_saved_model(student(), folder / "saved_model")
    export.save_tflite(student(), folder / "student.tflite")
    return folder


def expected(name, model):
    return logits(model) if name == "student.keras" else softmax(logits(model))


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_a_file_that_matches(written, name, monkeypatch):
    monkeypatch.setattr(verify, "LATENCY_RUNS", 3)
    entry = verify_export(written / name, expected(name, student()), IMAGES, LABELS)
    right = np.mean(logits(student()).argmax(-1) == LABELS)
    assert entry["path"] == name
    assert entry["accuracy"] == right
    assert entry["agreement_with_student"] == 1.0
    assert 0 <= entry["max_abs_difference"] < 1e-5
    if name == "student.tflite":
        assert entry["latency_ms"] > 0
        assert entry["threads"] == 1
    else:
        assert entry["latency_ms"] is None
        assert entry["threads"] is None
    sizes = [
        f.stat().st_size for f in [written / name, *written.glob(f"{name}/**/*")] if f.is_file()
    ]
    assert entry["bytes"] == sum(sizes)


def test_without_labels_there_is_no_accuracy(written):
    entry = verify_export(written / "serving.keras", softmax(logits(student())), IMAGES)
    assert entry["accuracy"] is None


@pytest.mark.parametrize("name", NAMES)
def test_the_file_of_another_student_stops_the_run_and_is_kept(written, name):
    with pytest.raises(RunError, match="does not match") as caught:
        verify_export(written / name, expected(name, student(seed=1)), IMAGES)
    assert len(str(caught.value).splitlines()) == 1
    assert name in str(caught.value)
    assert (written / name).exists()


def test_a_file_that_gives_no_number_stops_the_run(tmp_path):
    broken = student()
    broken.get_layer("logits").bias.assign([np.nan] * 5)
    export.save_serving(broken, tmp_path / "serving.keras")
    with pytest.raises(RunError, match="nan"):
        verify_export(tmp_path / "serving.keras", softmax(logits(student())), IMAGES)


def shifted_by(amount, tmp_path):
    """Writes a file whose outputs differ from zeros by this amount."""
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Dense(2, kernel_initializer="zeros")(layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.layers[-1].bias.assign([amount, 0.0])
    model.save(tmp_path / "student.keras")
    return tmp_path / "student.keras"


@pytest.mark.parametrize("difference, passes", [(0.5e-4, True), (2e-4, False)])
def test_the_tolerance_is_absolute_for_small_outputs(tmp_path, difference, passes):
    path = shifted_by(difference, tmp_path)
    if not passes:
        with pytest.raises(RunError):
            verify_export(path, np.zeros((6, 2)), IMAGES)
        return
    received = verify_export(path, np.zeros((6, 2)), IMAGES)["max_abs_difference"]
    np.testing.assert_allclose(received, difference, rtol=1e-3)


def test_the_tolerance_grows_with_large_logits(tmp_path):
    path = shifted_by(100.005, tmp_path)
    wanted = np.tile([100.0, 0.0], (6, 1))
    np.testing.assert_allclose(
        verify_export(path, wanted, IMAGES)["max_abs_difference"], 0.005, rtol=1e-2
    )


def test_a_saved_model_is_run_in_batches(written, monkeypatch):
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 4)
    entry = verify_export(written / "saved_model", softmax(logits(student())), IMAGES)
    assert entry["max_abs_difference"] < 1e-5
