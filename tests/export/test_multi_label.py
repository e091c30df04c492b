"""A student of independent labels is exported with a sigmoid for each."""

import keras
import numpy as np
import pytest

from mosaickd_tf import evaluation, export
from mosaickd_tf.config import ExportConfig
from mosaickd_tf.errors import RunError
from mosaickd_tf.export import verify
from mosaickd_tf.export.formats import FORMATS
from mosaickd_tf.export.verify import verify_export
from mosaickd_tf.tasks import get_task
from tests.export import IMAGES, logits, student

MULTI_LABEL = get_task("multi_label")
LABELS = np.random.RandomState(3).randint(0, 2, (len(IMAGES), 5), "uint8")
CALIBRATION = export.Calibration(images=IMAGES, counts={"synthetic": len(IMAGES)})


def sigmoid(rows):
    return 1 / (1 + np.exp(-rows.astype("float64")))


def exported(folder, model, outputs="probabilities", labels=None):
    """Entries of all formats by the name of their file."""
    config = ExportConfig(exports=tuple(FORMATS), outputs=outputs, min_agreement=0.8)
    entries = export.export_student(
        model,
        folder,
        config,
        IMAGES,
        task=MULTI_LABEL,
        labels=labels,
        label_names=[f"label {number}" for number in range(model.output_shape[-1])],
        calibration=CALIBRATION,
    )
    return {entry["path"]: entry for entry in entries}


@pytest.fixture(scope="module", params=["probabilities", "logits"])
def files(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "LATENCY_RUNS", 2)
        folder = tmp_path_factory.mktemp(request.param)
        entries = exported(folder, student(), request.param, LABELS)
        yield folder, entries, request.param


def test_every_format_gives_independent_probabilities_or_logits(files):
    folder, entries, outputs = files
    assert set(entries) == {"student.keras", *(row.file for row in FORMATS.values())}
    wanted = logits(student())
    served = sigmoid(wanted) if outputs == "probabilities" else wanted
    for row in FORMATS.values():
        received = verify._predict(folder / row.file, IMAGES)
        tolerance = 1e-4 if row.exact else 0.1 * np.ptp(served)
        np.testing.assert_allclose(received, served, atol=tolerance, err_msg=row.file)
    if outputs == "probabilities":
        assert np.abs(served.sum(axis=-1) - 1).max() > 0.1  # no softmax


def test_the_numbers_count_labels_by_half_of_probabilities_and_zero_of_logits(files):
    folder, entries, _ = files
    present = logits(student()) > 0
    for name, entry in entries.items():
        received = verify._predict(folder / name, IMAGES)
        is_logits = name == "student.keras" or files[2] == "logits"
        predicted = received > (0.0 if is_logits else 0.5)
        assert entry["agreement_with_student"] == np.mean(predicted == present)
        assert entry["accuracy"] == np.mean(predicted == LABELS)
    assert entries["serving.keras"]["agreement_with_student"] == 1.0
    assert entries["serving.keras"]["accuracy"] < 1.0


def test_a_file_of_integers_gives_bytes(files):
    folder, _, _ = files
    assert evaluation.TfliteModel(folder / "student_int8.tflite").output_dtype == "uint8"


def test_the_metadata_speak_of_labels(files):
    folder, _, _ = files
    content = (folder / "student_float32.tflite").read_bytes()
    assert b"An image classifier of 5 independent labels" in content


def test_a_single_sigmoid_unit_stays_one_output(tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "LATENCY_RUNS", 2)
    five = student()
    first = keras.layers.Dense(1, name="logit")
    binary = keras.Model(five.inputs, first(five.layers[-2].output), name="binary")
    first.set_weights([five.layers[-1].kernel[:, :1], five.layers[-1].bias[:1]])
    entries = exported(tmp_path, binary)
    for name in ("serving.keras", "saved_model", "student_float32.tflite"):
        received = verify._predict(tmp_path / name, IMAGES)
        np.testing.assert_allclose(received, sigmoid(logits(five)[:, :1]), atol=1e-5)
        assert entries[name]["agreement_with_student"] == 1.0


def test_a_file_of_the_other_task_does_not_match(tmp_path):
    export.save_serving(student(), tmp_path / "serving.keras")
    expected = sigmoid(logits(student()))
    with pytest.raises(RunError, match="does not match"):
        verify_export(tmp_path / "serving.keras", expected, IMAGES, task=MULTI_LABEL)
