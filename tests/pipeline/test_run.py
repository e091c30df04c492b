"""A whole distillation: its stages, its result, and the data that it never uses."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from mosaickd_tf import evaluation, models
from mosaickd_tf.compression import training as compression_training
from mosaickd_tf.config import CompressionConfig, ExportConfig, MethodConfig
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import build, compress, run
from mosaickd_tf.teachers import load_teacher_file
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.utils import files
from tests import tiny
from tests.pipeline.recorder import Recorder
from tests.pipeline.small_run import CONFIG, RESULT_KEYS

pytestmark = pytest.mark.usefixtures("eagerly")

NETWORK_KEYS = {"name", "parameters", "macs", "accuracy"}
EXPORT_KEYS = {
    "path",
    "format",
    "bytes",
    "accuracy",
    "agreement_with_student",
    "max_abs_difference",
    "latency_ms",
    "threads",
    "latency_ms_all_threads",
    "gzip_bytes",
    "macs",
    "calibration",
    "compared_on",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, eagerly):
    """Runs everything from teacher to export; returns folder, result and what was recorded."""
    folder = tmp_path_factory.mktemp("run")
    with Recorder().on() as recorder:
        result = run.run(CONFIG, folder)
    return folder, result, recorder


@pytest.mark.slow
def test_the_result_has_every_documented_key(finished):
    folder, result, _ = finished
    assert set(result) >= RESULT_KEYS
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    assert (result["method"], result["seed"], result["rounds"]) == ("mosaic", 0, 2)
    assert result["precision"] == "float32"
    networks = [result["teacher"], result["student"], *result["baselines"]]
    for network in networks:
        assert set(network) >= NETWORK_KEYS
        assert 0 <= network["accuracy"] <= 1
    assert [baseline["method"] for baseline in result["baselines"]] == ["kd"]
    for entry in result["exports"]:
        assert set(entry) == EXPORT_KEYS
        assert (folder / entry["path"]).is_file()
        assert entry["accuracy"] == result["student"]["accuracy"]
    assert 0 <= result["agreement"] <= 1
    np.testing.assert_allclose(result["images_per_second"], 2 * 4 / result["seconds"])


@pytest.mark.slow
def test_a_run_keeps_its_generator_of_the_selected_state(finished):
    folder, _, _ = finished
    teacher = load_teacher_file(folder / "teacher" / "teacher.keras")
    networks = build.build_networks(CONFIG, teacher)
    distiller = build.build_distiller(networks, teacher, "float32")
    Checkpoints(folder / "checkpoints", distiller.state()).restore("best")
    kept = models.load_generator(folder / "generator.keras")
    chosen = models.portable_copy(distiller.generator)
    assert tiny.same_bits(tiny.values(kept), tiny.values(chosen))


@pytest.mark.slow
def test_distillers_run_the_teacher_as_it_was_trained_first(finished):
    folder, _, recorder = finished
    teacher = load_teacher_file(folder / "teacher" / "teacher.keras")
    images = np.random.RandomState(0).uniform(size=(9, 8, 8, 1)).astype("float32")
    assert len(recorder.distillers) == 2
    for distiller in recorder.distillers:
        logits = distiller.teacher(images, training=False)
        np.testing.assert_allclose(logits, teacher(images, training=False), atol=1e-4)


@pytest.mark.slow
def test_accuracies_are_those_of_the_files_on_the_test_split(finished):
    folder, result, _ = finished
    test = loading.load_target(CONFIG.data).test
    outputs = {
        name: models.load_classifier(folder / path)(test.images / np.float32(255), training=False)
        for name, path in (
            ("teacher", "teacher/teacher.keras"),
            ("student", "export/student.keras"),
        )
    }
    named = {name: np.argmax(rows, axis=-1) for name, rows in outputs.items()}
    for name in named:
        assert result[name]["accuracy"] == pytest.approx(np.mean(named[name] == test.labels))
    assert result["agreement"] == pytest.approx(np.mean(named["teacher"] == named["student"]))


@pytest.mark.slow
def test_the_test_split_is_never_used_to_choose(finished):
    _, result, recorder = finished
    target = loading.load_target(CONFIG.data)
    assert recorder.trained == ["mosaic", "kd"]
    own = [np.array_equal(images, target.validation.images) for images in recorder.evaluated]
    assert sum(own) == 2 * 3  # in rounds 0, 1 and 2 of both
    assert len(own) == 2 * 3 + 3  # and MosaicKD's synthetic images
    test = {image.tobytes() for image in target.test.images}
    assert not any(image.tobytes() in test for images in recorder.evaluated for image in images)
    inside = {image.tobytes() for image in target.validation.images}
    assert not any(image.tobytes() in inside for image in target.test.images)
    assert result["selection"].startswith("validation: round ")


@pytest.mark.slow
def test_the_student_is_trained_on_none_of_the_teachers_data(finished):
    _, _, recorder = finished
    target = loading.load_target(CONFIG.data)
    own = {
        image.tobytes()
        for part in (target.train, target.validation, target.test)
        for image in part.images
    }
    ood = loading.load_ood(CONFIG.data).images
    assert len(recorder.consumed) == 2
    for images in recorder.consumed:
        assert np.array_equal(images, ood)
        assert not any(image.tobytes() in own for image in images)


@pytest.mark.slow
def test_predictions_on_the_test_split_are_kept(finished):
    folder, result, _ = finished
    kept = files.read_json(folder / "test_predictions.json")
    target = loading.load_target(CONFIG.data)
    assert kept["label_names"] == list("0123456789")
    assert kept["labels"] == target.test.labels.tolist()
    for role in ("teacher", "student"):
        right = np.equal(kept[role], kept["labels"])
        assert result[role]["accuracy"] == pytest.approx(np.mean(right))
    assert result["agreement"] == pytest.approx(np.mean(np.equal(kept["teacher"], kept["student"])))


@pytest.mark.slow
def test_a_run_logs_what_it_observes_and_ends_with_its_report(finished):
    folder, result, _ = finished
    text = (folder / "report.html").read_text()
    assert f"{100 * result['student']['accuracy']:.2f} %" in text
    assert "Synthetic images" in text and "gradient" in text.lower()
    rows = read_rows(folder / "metrics.jsonl")
    assert all(sum(row["synthetic_classes"]) == 256 for row in rows)
    assert all(row["gradient_norm_generator"] > 0 for row in rows[1:])
    baseline = read_rows(folder / "baselines" / "kd" / "metrics.jsonl")
    assert "gradient_norm_student" in baseline[-1]
    assert "synthetic_classes" not in baseline[-1]


@pytest.mark.slow
def test_a_missing_report_is_written_when_the_run_is_requested_again(finished):
    folder, result, _ = finished
    before = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    run.run(CONFIG, folder)
    assert (folder / "report.html").read_text() == before


@pytest.mark.slow
def test_the_exported_student_is_the_selected_one(finished):
    folder, result, _ = finished
    rows = read_rows(folder / "metrics.jsonl")
    assert [row["round"] for row in rows] == [0, 1, 2]
    best = max(rows[1:], key=lambda row: (row["validation_accuracy"], row["round"]))
    assert f"round {best['round']}," in result["selection"]
    validation = loading.load_target(CONFIG.data).validation
    student = models.load_classifier(folder / "export" / "student.keras")
    accuracy = evaluation.top_k_accuracy(
        evaluation.predict_logits(student, validation.images), validation.labels
    )
    assert accuracy == best["validation_accuracy"]


@pytest.mark.slow
def test_a_run_interrupted_after_its_baseline_trains_nothing_again(finished, tmp_path):
    folder, result, _ = finished
    saved = (folder / "result.json").read_text()
    kept = (folder / "baselines" / "kd" / "result.json").stat().st_mtime_ns
    (folder / "result.json").unlink()
    with Recorder().on() as recorder:
        again = run.run(CONFIG, folder)
    assert recorder.trained == ["mosaic"]  # restored at its last round; the baseline not even that
    assert (folder / "baselines" / "kd" / "result.json").stat().st_mtime_ns == kept
    for name in ("teacher", "student", "baselines", "agreement", "selection", "seconds"):
        assert again[name] == result[name]
    (folder / "result.json").write_text(saved)


@pytest.mark.slow
def test_unreadable_results_are_written_again(finished, caplog):
    folder, result, _ = finished
    paths = (folder / "result.json", folder / "baselines" / "kd" / "result.json")
    saved = {path: path.read_bytes() for path in paths}
    for path, content in saved.items():
        path.write_bytes(content[:-20])
    with Recorder().on() as recorder:
        again = run.run(CONFIG, folder)
    assert recorder.trained == ["mosaic", "kd"]
    assert all(f"{path} is broken" in caplog.text for path in paths)
    for part in ("teacher", "student", "baselines", "agreement", "selection", "seconds"):
        assert again[part] == result[part]
    for path, content in saved.items():
        path.write_bytes(content)


@pytest.mark.slow
def test_a_compressed_student_is_part_of_the_run_or_added_to_a_finished_one(
    finished, tmp_path, monkeypatch
):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True, symlinks=True)
    for name in ("flags.cfg", "result.json", "report.html"):  # as of another request
        (tmp_path / name).unlink()
    quick = CompressionConfig(compression_rounds=1, sparsity=(0.5,))
    config = dataclasses.replace(
        CONFIG,
        method=MethodConfig(),
        export=ExportConfig(exports=("tflite_pruned",)),
        compression=quick,
    )
    with Recorder().on() as recorder:
        result = run.run(config, tmp_path)
    assert recorder.trained == ["mosaic"]  # restored at its last round
    (entry,) = result["exports"]
    assert set(entry) == EXPORT_KEYS | {"compression"}
    assert entry["path"] == "export/student_pruned_50.tflite"
    assert (tmp_path / entry["path"]).is_file()
    assert abs(entry["compression"]["sparsity"] - 0.5) < 0.01
    assert "of the weights are zero" in (tmp_path / "report.html").read_text()
    kept = files.read_json(tmp_path / "result.json")
    asked = (("keras", "tflite_pruned"), quick, "probabilities")
    monkeypatch.setattr(compression_training, "fine_tune", None)  # finished jobs are not remade
    (again,) = compress.compress(tmp_path, *asked)
    assert again.facts == entry["compression"]
    assert files.read_json(tmp_path / "result.json") == kept


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(finished):
    folder, result, _ = finished
    with Recorder().on() as recorder:
        again = run.run(CONFIG, folder)
    assert json.dumps(again) == json.dumps(result)
    assert recorder.trained == []
    with pytest.raises(RequestError, match="holds a run already"):
        run.run(CONFIG, folder, resume=False)
