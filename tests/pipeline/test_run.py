"""A whole distillation: its stages, its record, and what it never looks at."""

import contextlib
import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import evaluation, models, synthesis
from mosaickd_tf.compression import training as compression_training
from mosaickd_tf.config import (
    CompressionConfig,
    DataConfig,
    DataFreeTerms,
    DistillConfig,
    ExportConfig,
    MethodConfig,
    OptimizationConfig,
    PlayersConfig,
    RunConfig,
    TeacherConfig,
)
from mosaickd_tf.data import loading, streams
from mosaickd_tf.data.ood_subset import entropy
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS
from mosaickd_tf.pipeline import build, compress, run, validate
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.run_folder import RunFolder
from tests import tiny

pytestmark = pytest.mark.usefixtures("eagerly")

CONFIG = DistillConfig(
    data=DataConfig(
        target_dataset="embedded:digits",
        ood_dataset="embedded:photos",
        image_size=8,
        channels=1,
        ood_fit="crops",
        ood_crops_per_picture=32,
    ),
    teacher=TeacherConfig(teacher="wrn10_1", teacher_epochs=1, teacher_batch_size=64),
    players=PlayersConfig(
        student="wrn10_1",
        patch_size=4,
        noise_dim=8,
        generator_filters=4,
        discriminator_filters=4,
    ),
    optimization=OptimizationConfig(rounds=2, batch_size=4, student_steps_per_round=1),
    method=MethodConfig(compare_with=("kd",)),
    run=RunConfig(precision="float32"),
    export=ExportConfig(exports=("keras",)),
)

# As docs and design name them.
RESULT = {
    "method",
    "config",
    "command",
    "commit",
    "machine",
    "seed",
    "precision",
    "rounds",
    "seconds",
    "images_per_second",
    "teacher",
    "student",
    "baselines",
    "agreement",
    "selection",
    "divergence",
    "skipped_updates",
    "ood_subset",
    "exports",
}
NETWORK = {"name", "parameters", "macs", "accuracy"}
EXPORTED = {
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


class Spy:
    """Notes which images are evaluated, and which are trained on, while a method plays."""

    def __init__(self):
        self.trained = []
        self.watched = []
        self.consumed = []

    @contextlib.contextmanager
    def on(self):
        with pytest.MonkeyPatch.context() as patch:
            train, predict, rounds = run.train, evaluation.predict_logits, streams.rounds
            playing = []

            def spied_train(*args, **kwargs):
                self.trained.append(kwargs["name"])
                playing.append(True)
                try:
                    return train(*args, **kwargs)
                finally:
                    playing.pop()

            def spied_predict(model, images):
                if playing:
                    self.watched.append(images)
                return predict(model, images)

            def spied_rounds(images, **kwargs):
                self.consumed.append(images)
                return rounds(images, **kwargs)

            patch.setattr(run, "train", spied_train)
            patch.setattr(evaluation, "predict_logits", spied_predict)
            patch.setattr(streams, "rounds", spied_rounds)
            yield self


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run from teacher to export, and what was seen in it."""
    folder = tmp_path_factory.mktemp("run")
    with Spy().on() as spy:
        result = run.run(CONFIG, folder)
    return folder, result, spy


@pytest.mark.slow
def test_the_result_has_every_number_that_was_promised(finished):
    folder, result, _ = finished
    assert set(result) >= RESULT
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    assert (result["method"], result["seed"], result["rounds"]) == ("mosaic", 0, 2)
    assert result["precision"] == "float32"
    networks = [result["teacher"], result["student"], *result["baselines"]]
    for network in networks:
        assert set(network) >= NETWORK
        assert 0 <= network["accuracy"] <= 1
    assert [baseline["method"] for baseline in result["baselines"]] == ["kd"]
    for entry in result["exports"]:
        assert set(entry) == EXPORTED
        assert (folder / entry["path"]).is_file()
        assert entry["accuracy"] == result["student"]["accuracy"]
    assert 0 <= result["agreement"] <= 1
    np.testing.assert_allclose(result["images_per_second"], 2 * 4 / result["seconds"])


@pytest.mark.slow
def test_a_run_keeps_its_generator_as_it_was_chosen(finished):
    folder, _, _ = finished
    teacher = models.load_teacher(folder / "teacher" / "teacher.keras")
    distiller = build.build_distiller(CONFIG, teacher, "float32", num_images=64)
    Checkpoints(folder / "checkpoints", distiller.state()).restore("best")
    kept = models.load_generator(folder / "generator.keras")
    chosen = models.portable_copy(distiller.generator)
    assert tiny.same_bits(tiny.values(kept), tiny.values(chosen))


@pytest.mark.slow
def test_accuracies_are_those_of_the_files_on_the_test_part(finished):
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
def test_the_test_part_is_never_used_to_choose(finished):
    _, result, spy = finished
    target = loading.load_target(CONFIG.data)
    assert spy.trained == ["mosaic", "kd"]
    own = [np.array_equal(images, target.validation.images) for images in spy.watched]
    assert sum(own) == 2 * 3  # in rounds 0, 1 and 2 of both
    assert len(own) == 2 * 3 + 3  # and the synthetic images of the game
    test = {image.tobytes() for image in target.test.images}
    assert not any(image.tobytes() in test for images in spy.watched for image in images)
    inside = {image.tobytes() for image in target.validation.images}
    assert not any(image.tobytes() in inside for image in target.test.images)
    assert result["selection"].startswith("validation: round ")


@pytest.mark.slow
def test_the_student_is_shown_none_of_the_teachers_data(finished):
    _, _, spy = finished
    target = loading.load_target(CONFIG.data)
    own = {
        image.tobytes()
        for part in (target.train, target.validation, target.test)
        for image in part.images
    }
    ood = loading.load_ood(CONFIG.data).images
    assert len(spy.consumed) == 2
    for images in spy.consumed:
        assert np.array_equal(images, ood)
        assert not any(image.tobytes() in own for image in images)


@pytest.mark.slow
def test_what_was_named_on_the_test_part_is_kept(finished):
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
def test_a_run_is_watched_and_ends_with_its_report(finished):
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
def test_a_report_that_is_missing_is_written_when_the_run_is_asked_for_again(finished):
    folder, result, _ = finished
    before = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    run.run(CONFIG, folder)
    assert (folder / "report.html").read_text() == before


@pytest.mark.slow
def test_the_student_that_leaves_is_the_selected_one(finished):
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
def test_a_run_that_was_cut_after_its_baseline_trains_nothing_again(finished, tmp_path):
    folder, result, _ = finished
    saved = (folder / "result.json").read_text()
    kept = (folder / "baselines" / "kd" / "result.json").stat().st_mtime_ns
    (folder / "result.json").unlink()
    with Spy().on() as spy:
        again = run.run(CONFIG, folder)
    assert spy.trained == ["mosaic"]  # restored at its last round; the baseline not even that
    assert (folder / "baselines" / "kd" / "result.json").stat().st_mtime_ns == kept
    for name in ("teacher", "student", "baselines", "agreement", "selection", "seconds"):
        assert again[name] == result[name]
    (folder / "result.json").write_text(saved)


@pytest.mark.slow
def test_results_that_became_unreadable_are_made_again(finished, caplog):
    folder, result, _ = finished
    paths = (folder / "result.json", folder / "baselines" / "kd" / "result.json")
    saved = {path: path.read_bytes() for path in paths}
    for path, content in saved.items():
        path.write_bytes(content[:-20])
    with Spy().on() as spy:
        again = run.run(CONFIG, folder)
    assert spy.trained == ["mosaic", "kd"]
    assert all(f"{path} is broken" in caplog.text for path in paths)
    for part in ("teacher", "student", "baselines", "agreement", "selection", "seconds"):
        assert again[part] == result[part]
    for path, content in saved.items():
        path.write_bytes(content)


@pytest.mark.slow
def test_a_compressed_student_is_part_of_the_run_and_can_be_made_of_a_finished_one(
    finished, tmp_path, monkeypatch
):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True, symlinks=True)
    for name in ("flags.cfg", "result.json", "report.html"):  # as if it had been another request
        (tmp_path / name).unlink()
    quick = CompressionConfig(compression_rounds=1, sparsity=(0.5,))
    config = dataclasses.replace(
        CONFIG,
        method=MethodConfig(),
        export=ExportConfig(exports=("tflite_pruned",)),
        compression=quick,
    )
    with Spy().on() as spy:
        result = run.run(config, tmp_path)
    assert spy.trained == ["mosaic"]  # restored at its last round
    (entry,) = result["exports"]
    assert set(entry) == EXPORTED | {"compression"}
    assert entry["path"] == "export/student_pruned_50.tflite"
    assert (tmp_path / entry["path"]).is_file()
    assert abs(entry["compression"]["sparsity"] - 0.5) < 0.01
    assert "of the weights are zero" in (tmp_path / "report.html").read_text()
    kept = files.read_json(tmp_path / "result.json")
    asked = (("keras", "tflite_pruned"), quick, "probabilities")
    monkeypatch.setattr(compression_training, "tune", None)  # what is there is not made again
    (again,) = compress.compress(tmp_path, *asked)
    assert again.facts == entry["compression"]
    assert files.read_json(tmp_path / "result.json") == kept


@pytest.mark.slow
def test_a_finished_run_is_not_played_again(finished):
    folder, result, _ = finished
    with Spy().on() as spy:
        again = run.run(CONFIG, folder)
    assert json.dumps(again) == json.dumps(result)
    assert spy.trained == []
    with pytest.raises(RequestError, match="holds a run already"):
        run.run(CONFIG, folder, resume=False)


@pytest.mark.slow
def test_without_target_data_accuracies_are_null_and_the_last_student_leaves(finished, tmp_path):
    folder, _, _ = finished
    config = dataclasses.replace(
        CONFIG,
        data=dataclasses.replace(CONFIG.data, target_dataset=""),
        teacher=TeacherConfig(teacher=str(folder / "teacher" / "teacher.keras")),
        method=MethodConfig(method="kd"),
    )
    result = run.run(config, tmp_path / "run")
    assert set(result) >= RESULT
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
def test_a_method_without_images_needs_no_images(method, target, tmp_path):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "teacher.keras")
    config = dataclasses.replace(
        CONFIG,
        data=dataclasses.replace(CONFIG.data, target_dataset=target, ood_dataset=""),
        teacher=TeacherConfig(teacher=str(tmp_path / "teacher.keras")),
        method=MethodConfig(method=method),
        data_free=DataFreeTerms(deep_inversion_steps=1, deep_inversion_bank=8),
        run=RunConfig(precision="float32", no_samples=not target),
    )
    with Spy().on() as spy:
        result = run.run(config, tmp_path / "run")
    assert not np.any(spy.consumed[0])  # black images keep the clock of the stream
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


def test_nothing_is_written_before_the_request_is_found_right(tmp_path):
    config = dataclasses.replace(CONFIG, players=PlayersConfig(student="resnet19"))
    with pytest.raises(RequestError):
        run.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_determinism_is_asked_for_before_anything_else(tmp_path, monkeypatch):
    class Asked(Exception):
        pass

    def asked():
        raise Asked

    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", asked)
    config = dataclasses.replace(CONFIG, run=RunConfig(deterministic=True))
    with pytest.raises(Asked):
        run.run(config, tmp_path / "run")


def test_the_ood_subset_is_kept_in_the_cache_and_told(tmp_path, monkeypatch, caplog):
    data = dataclasses.replace(CONFIG.data, ood_subset=5, cache_dir=str(tmp_path / "cache"))
    config = dataclasses.replace(CONFIG, data=data)
    ood, teacher = loading.load_ood(data), tiny.classifier(input_shape=(8, 8, 1))
    entropies = entropy(evaluation.predict_logits(teacher, ood.images))
    told = []
    for _ in range(2):  # the second time without the teacher
        experiment = run.Experiment(config, tmp_path, None, ood, teacher)
        with caplog.at_level("INFO", "mosaickd_tf"):
            told.append(experiment._select_ood_subset(teacher))
        least_sure = set(np.argsort(-entropies)[:5])
        assert np.array_equal(experiment.ood.images, ood.images[sorted(least_sure)])
        monkeypatch.setattr(evaluation, "predict_logits", None)
    kept = files.read_json(tmp_path / "ood_subset.json")
    assert kept.pop("rows") == sorted(least_sure)
    assert told[0] == told[1] == kept
    assert (told[0]["count"], told[0]["of"]) == (5, 64)
    assert caplog.messages[0].startswith("OOD subset: 5 of 64 images, those of which the teacher")


def test_a_method_learns_from_the_rows_that_it_chose(monkeypatch):
    ood = loading.load_ood(CONFIG.data)
    logits = np.eye(10)[[3] * (len(ood) - 1) + [5]]
    monkeypatch.setattr(evaluation, "predict_logits", lambda model, images: logits)
    experiment = run.Experiment(CONFIG, None, None, ood, None)
    images = experiment._transfer_images(METHODS["balanced"], None)
    half = len(ood) // 2
    assert len(images) == 2 * half
    assert np.array_equal(images[-half:], np.repeat(ood.images[-1:], half, axis=0))
    assert experiment._transfer_images(METHODS["kd"], None) is ood.images


def test_a_finished_result_is_given_without_the_machinery(tmp_path, monkeypatch):
    monkeypatch.setattr(validate, "validate_and_load", lambda config: (None, None, None))
    with RunFolder(tmp_path, CONFIG):
        pass
    files.write_json(tmp_path / "result.json", {"rounds": 2})
    files.write_text(tmp_path / "report.html", "the report")
    assert run.run(CONFIG, tmp_path) == {"rounds": 2}
