"""Each job writes a file with the requested properties, and is done once."""

import dataclasses

import keras
import numpy as np
import pytest

from mosaickd_tf import compression, evaluation
from mosaickd_tf.compression import compression_pipeline, weight_statistics
from mosaickd_tf.config import COMPRESSED, CompressionConfig
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import operations
from tests import tiny
from tests.compression import IMAGES, QUICK, batches, distiller, student

pytestmark = pytest.mark.usefixtures("eagerly")
COMBINED = dataclasses.replace(QUICK, combine=("pruned_int8", "pruned_clustered"))


def made(folder, exports=COMPRESSED, config=COMBINED):
    return compression.compress(student(), distiller(), batches, folder, exports, config)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """All kinds of compressed students by the names of their jobs, and their folder."""
    folder = tmp_path_factory.mktemp("compression")
    before = tiny.values(distiller())
    yield {done.facts["stage"]: done for done in made(folder)}, folder
    assert tiny.same_bits(before, tiny.values(distiller()))


@pytest.mark.slow
def test_there_is_a_file_for_each_job(finished):
    done, folder = finished
    assert {name: each.format for name, each in done.items()} == {
        "qat_int8": "tflite_qat_int8",
        "pruned_50": "tflite_pruned",
        "clustered_4": "tflite_clustered",
        "pruned_50_clustered_4": "tflite_clustered",
        "pruned_50_qat_int8": "tflite_qat_int8",
    }
    for name, each in done.items():
        assert each.path == folder / name / f"student_{name}.tflite"
        assert evaluation.open_model(each.path).predict(IMAGES).shape == (12, 5)
    assert {path.name for path in folder.iterdir()} == set(done)


@pytest.mark.slow
def test_each_file_has_its_properties(finished):
    done, _ = finished
    kernels = {name: weight_statistics.of_file(each.path) for name, each in done.items()}
    zeros = {
        name: np.mean(np.concatenate([kernel.ravel() == 0 for kernel in rows]))
        for name, rows in kernels.items()
    }
    for name in ("pruned_50", "pruned_50_clustered_4", "pruned_50_qat_int8"):
        assert 0.49 < zeros[name] < 0.6, name
    for name in ("clustered_4", "pruned_50_clustered_4"):
        assert all(len(np.unique(kernel)) <= 4 for kernel in kernels[name]), name
    for name in ("qat_int8", "pruned_50_qat_int8"):
        operations.check_integers(done[name].path, name)
        assert {kernel.dtype.name for kernel in kernels[name]} == {"int8"}
    assert done["pruned_50"].facts["sparsity"] == zeros["pruned_50"]
    assert [layer["shape"] for layer in done["pruned_50"].facts["layers"]] == [
        list(kernel.shape) for kernel in kernels["pruned_50"]
    ]


@pytest.mark.slow
def test_the_student_comes_back_to_keras_with_the_weights_of_the_file(finished):
    done, folder = finished
    model = keras.saving.load_model(folder / "pruned_50" / "student.keras")
    logits = model(IMAGES.astype("float32") / 255, training=False).numpy()
    given = evaluation.open_model(done["pruned_50"].path).predict(IMAGES)
    wanted = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(given, wanted, atol=1e-4)
    assert np.mean(model.get_layer("conv").kernel.numpy() == 0) == 0.5


@pytest.mark.slow
def test_a_pruned_student_has_batch_normalization_that_was_trained(finished):
    _, folder = finished
    pruned = keras.saving.load_model(folder / "pruned_50" / "student.keras")
    for name in ("stem_norm", "block_norm"):
        before, after = (model.get_layer(name).moving_mean for model in (student(), pruned))
        assert np.abs(after - before).max() > 1e-3
    clustered = keras.saving.load_model(folder / "clustered_4" / "student.keras")
    assert "stem_norm" not in {layer.name for layer in clustered.layers}


@pytest.mark.slow
def test_a_finished_job_is_not_done_again_and_one_of_other_options_is(finished, monkeypatch):
    done, folder = finished
    tuned = []
    fine_tune = compression_pipeline.training.fine_tune

    def note(trainer, batches, plan, folder, name):
        tuned.append(name)
        return fine_tune(trainer, batches, plan, folder, name)

    monkeypatch.setattr(compression_pipeline.training, "fine_tune", note)
    again = made(folder)
    assert tuned == [] and again == list(done.values())
    other = dataclasses.replace(QUICK, compression_rounds=1)
    (fewer,) = made(folder, ("tflite_pruned",), other)
    assert tuned == ["pruned_50"] and fewer.facts["rounds"] == 1


def test_nothing_is_made_for_other_formats(tmp_path):
    assert made(tmp_path / "none", ("keras", "tflite_int8"), CompressionConfig()) == []
    assert not (tmp_path / "none").exists()


def test_a_student_that_cannot_be_carried_is_refused_before_anything_is_done():
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.LeakyReLU(name="leaky")(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(hidden)))
    compression.check_compressible(model, ("keras", "tflite_int8"), CompressionConfig())
    with pytest.raises(RequestError, match="'leaky'"):
        compression.check_compressible(model, ("tflite_pruned",), CompressionConfig())


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("pruned_50", {}, "a sparsity of 0.5"),
        ("pruned_50_2_of_4", {"sparsity_pattern": "2_of_4"}, "in each 4 input channels"),
        ("clustered_4", {}, "4 values a layer"),
    ],
)
def test_a_file_that_lacks_its_properties_is_detected(name, options, expected):
    config = dataclasses.replace(QUICK, **options)
    (job,) = [
        each for each in compression.compression_jobs(COMPRESSED, config) if each.name == name
    ]
    half = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 3.0, 4.0, 5.0]])  # a sparsity of a half
    kernel = half if options else np.arange(1.0, 9.0).reshape(2, 4)
    with pytest.raises(RunError, match=expected):
        compression_pipeline._check_properties(job, [kernel], config)


def test_a_job_that_fails_leaves_no_folder_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(compression_pipeline.convert, "save", lambda *a, **k: 1 / 0)
    monkeypatch.setattr(compression_pipeline.training, "fine_tune", lambda *a: 0.0)
    with pytest.raises(ZeroDivisionError):
        made(tmp_path, ("tflite_clustered",), QUICK)
    assert [path.name for path in tmp_path.iterdir()] == [".clustered_4"]  # its checkpoints
