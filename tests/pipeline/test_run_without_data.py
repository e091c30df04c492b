"""Runs without labels to select by, or without OOD images to learn from."""

import dataclasses

import numpy as np
import pytest

from mosaickd_tf import synthesis
from mosaickd_tf.config import MethodConfig, RunConfig, TeacherConfig
from mosaickd_tf.methods.deep_inversion import DeepInversionConfig
from mosaickd_tf.pipeline import run
from mosaickd_tf.training.metrics_log import read_rows
from tests import tiny
from tests.pipeline.recorder import Recorder
from tests.pipeline.small_run import CONFIG, RESULT_KEYS

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.mark.slow
def test_without_target_data_accuracies_are_null_and_the_last_student_is_exported(tmp_path):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        CONFIG,
        data=dataclasses.replace(CONFIG.data, target_dataset=""),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
        method=MethodConfig(method="kd"),
    )
    result = run.run(config, tmp_path / "run")
    assert set(result) >= RESULT_KEYS
    assert result["selection"] == "last: round 2"
    assert result["agreement"] is None
    networks = [result["teacher"], result["student"], *result["exports"]]
    assert [network["accuracy"] for network in networks] == [None] * 4
    assert all(entry["agreement_with_student"] == 1.0 for entry in result["exports"])
    assert not (tmp_path / "run" / "export" / "labels.txt").exists()
    rows = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert all(0 <= row["unlabeled_agreement"] <= 1 for row in rows)
    text = (tmp_path / "run" / "result.json").read_text()
    assert "NaN" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "target"), [("dafl", ""), ("deep_inversion", "embedded:digits")]
)
def test_a_method_without_ood_images_needs_none(method, target, tmp_path):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        CONFIG,
        data=dataclasses.replace(CONFIG.data, target_dataset=target, ood_dataset=""),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
        method=MethodConfig(method=method),
        methods={"deep_inversion": DeepInversionConfig(steps=1, bank=8)},
        run=RunConfig(precision="float32", no_samples=not target),
    )
    with Recorder().on() as recorder:
        result = run.run(config, tmp_path / "run")
    assert not np.any(recorder.consumed[0])  # black images stand in for OOD images
    by = "validation" if target else "last: round 2"
    assert result["selection"].startswith(by) and result["exports"]
    assert (result["student"]["accuracy"] is None) is not bool(target)
    rows = read_rows(tmp_path / "run" / "metrics.jsonl")
    value = "validation_accuracy" if target else "unlabeled_agreement"
    assert all(0 <= row[value] <= 1 for row in rows)
    samples = {path.name for path in (tmp_path / "run").glob("samples/*")}
    kept = {f"round_{row['round']:06d}.png" for row in rows} if target else set()
    assert samples - {"by_class.png"} == kept
    events = b"".join(path.read_bytes() for path in (tmp_path / "run" / "tensorboard").iterdir())
    assert (b"synthetic_by_class" in events) == bool(target)
    (images,) = synthesis.open_image_source(tmp_path / "run").draw(4, 0)
    assert images.shape == (4, 8, 8, 1) and images.std() > 0
