"""Stages of a run one by one, and what happens before the first and after the last."""

import dataclasses
import types

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.config import NetworksConfig, RunConfig
from mosaickd_tf.data import loading, streams
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import run
from mosaickd_tf.pipeline.prepared import Prepared
from mosaickd_tf.pipeline.validate import validate_and_load
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.run_folder import RunFolder
from tests import tiny
from tests.pipeline.small_run import CONFIG, Stopped, changed, stop

pytestmark = pytest.mark.usefixtures("eagerly")


def prepared_without_methods(config, ood, teacher=None):
    return Prepared(
        config=config, target=None, ood=ood, teacher=teacher, teacher_is_trained=True, methods=()
    )


def test_nothing_is_written_before_the_request_is_validated(tmp_path):
    config = dataclasses.replace(CONFIG, networks=NetworksConfig(student="resnet19"))
    with pytest.raises(RequestError):
        run.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_determinism_is_enabled_before_anything_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", stop)
    monkeypatch.setattr(run, "validate_and_load", lambda config: pytest.fail("validated first"))
    config = dataclasses.replace(CONFIG, run=RunConfig(deterministic=True))
    with pytest.raises(Stopped):
        run.run(config, tmp_path / "run")


def test_a_teacher_by_name_is_trained_first_and_then_distilled(tmp_path, monkeypatch):
    prepared = validate_and_load(changed("method", compare_with=()))
    trained = tiny.classifier(seed=5, input_shape=(8, 8, 1))
    images = np.random.RandomState(0).uniform(size=(4, 8, 8, 1)).astype("float32")
    requests, logits = [], []

    def train_teacher(config, target, folder, teacher):
        requests.append((teacher, config.teacher, target, folder))
        return trained

    def train(distiller, *_, **__):
        logits.append(distiller.teacher(images, training=False))
        raise Stopped

    monkeypatch.setattr(run.teacher_training, "train_teacher", train_teacher)
    monkeypatch.setattr(run, "train", train)
    with RunFolder(tmp_path, prepared.config) as folder, pytest.raises(Stopped):
        run.Run(prepared, folder).execute()
    (request,) = requests
    assert request[0] is prepared.teacher
    assert request[1:] == (prepared.config.teacher, prepared.target, tmp_path / "teacher")
    np.testing.assert_allclose(logits[0], trained(images, training=False), atol=1e-4)
    untrained = prepared.teacher(images, training=False)
    assert np.abs(logits[0] - untrained).max() > 1e-2


def test_a_teacher_from_a_file_is_not_trained(tmp_path, monkeypatch):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "teacher.keras")
    prepared = validate_and_load(changed("teacher", teacher=str(tmp_path / "teacher.keras")))
    monkeypatch.setattr(run.teacher_training, "train_teacher", None)
    monkeypatch.setattr(run, "train", stop)
    with RunFolder(tmp_path / "run", prepared.config) as folder, pytest.raises(Stopped):
        run.Run(prepared, folder).execute()
    assert not (tmp_path / "run" / "teacher").exists()


def test_the_ood_subset_is_cached_and_logged(tmp_path, monkeypatch, caplog):
    data = dataclasses.replace(CONFIG.data, ood_subset=5, cache_dir=str(tmp_path / "cache"))
    config = dataclasses.replace(CONFIG, data=data)
    ood, teacher = loading.load_ood(data), tiny.classifier(input_shape=(8, 8, 1))
    logits = evaluation.predict_logits(teacher, ood.images).astype("float64")
    entropies = scipy.stats.entropy(scipy.special.softmax(logits, axis=-1), axis=-1)
    selected = []
    for _ in range(2):  # the second time without the teacher
        stages = run.Run(prepared_without_methods(config, ood, teacher), tmp_path)
        with caplog.at_level("INFO", "mosaickd_tf"):
            selected.append(stages._select_ood_subset(teacher))
        least_sure = set(np.argsort(-entropies)[:5])
        assert np.array_equal(stages.ood.images, ood.images[sorted(least_sure)])
        monkeypatch.setattr(evaluation, "predict_logits", None)
    kept = files.read_json(tmp_path / "ood_subset.json")
    assert kept.pop("rows") == sorted(least_sure)
    assert selected[0] == selected[1] == kept
    assert (kept["count"], kept["of"]) == (5, 64)
    assert caplog.messages[0].startswith("OOD subset: 5 of 64 images, those of which the teacher")


def test_a_method_is_trained_on_the_rows_that_it_selects(monkeypatch):
    ood = loading.load_ood(CONFIG.data)
    logits = np.eye(10)[[3] * (len(ood) - 1) + [5]]
    monkeypatch.setattr(evaluation, "predict_logits", lambda model, images: logits)
    stages = run.Run(prepared_without_methods(CONFIG, ood), None)
    images = stages._transfer_images("balanced", None)
    half = len(ood) // 2
    assert len(images) == 2 * half
    assert np.array_equal(images[-half:], np.repeat(ood.images[-1:], half, axis=0))
    assert stages._transfer_images("kd", None) is ood.images


def test_the_result_of_a_finished_run_is_returned_without_running(tmp_path, monkeypatch):
    monkeypatch.setattr(
        run, "validate_and_load", lambda config: types.SimpleNamespace(config=config)
    )
    monkeypatch.setattr(run, "Run", None)
    with RunFolder(tmp_path, CONFIG):
        pass
    files.write_json(tmp_path / "result.json", {"rounds": 2})
    files.write_text(tmp_path / "report.html", "the report")
    assert run.run(CONFIG, tmp_path) == {"rounds": 2}


def test_views_are_stored_for_the_methods_of_a_run_and_removed_at_its_end(tmp_path, monkeypatch):
    config = changed("data", CONFIG, views=2)
    given, rounds = [], streams.rounds

    def recorded(images, **arguments):
        given.append((images, arguments))
        return rounds(images, **arguments)

    monkeypatch.setattr(streams, "rounds", recorded)
    with monkeypatch.context() as patch:
        patch.setattr(run.Run, "_export", stop)
        with pytest.raises(Stopped):
            run.run(config, tmp_path)
    paths = sorted((tmp_path / "views").iterdir())
    assert len(paths) == 2  # one for each view, of mosaic and kd together
    teacher = keras.saving.load_model(tmp_path / "teacher" / "teacher.keras")
    for images, arguments in given:
        assert arguments["view_logits"].shape == (2, len(images), 10)
        (view,) = streams.transfer_view(images, 1, seed=config.run.seed)
        expected = evaluation.predict_logits(teacher, view)
        np.testing.assert_allclose(arguments["view_logits"][1], expected, rtol=1e-3, atol=1e-2)
    assert run.run(config, tmp_path)["config"]["views"] == 2
    assert not (tmp_path / "views").exists()
    prepared = validate_and_load(config)
    with RunFolder(tmp_path, prepared.config) as folder:
        run.Run(prepared, folder).compress((), config.compression, "probabilities")
    assert not (tmp_path / "views").exists()  # a finished training needs no stream
