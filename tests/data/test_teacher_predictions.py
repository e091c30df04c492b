"""A teacher's predictions: cached by content, computed again after any change."""

import logging
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data import teacher_predictions as module
from mosaickd_tf.data.teacher_predictions import fingerprint, teacher_predictions
from mosaickd_tf.tasks import SingleLabel
from mosaickd_tf.tasks.metrics import entropy
from mosaickd_tf.teachers import load_teacher_file

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), "uint8")


def teacher(bias=0.0, strides=1):
    inputs = keras.Input((4, 4, 1), name="images")
    hidden = keras.layers.MaxPooling2D(1, strides, name="pool")(inputs)
    hidden = keras.layers.GlobalAveragePooling2D(name="features")(hidden)
    logits = keras.layers.Dense(
        3, kernel_initializer="ones", bias_initializer=keras.initializers.Constant(bias), name="out"
    )(hidden)
    return keras.Model(inputs, logits, name="teacher")


class Predictor:
    """Logits that are easy to check: each image's first pixel and zeros."""

    def __init__(self):
        self.calls = 0

    def __call__(self, model, images):
        self.calls += 1
        confidence = images[:, 0, 0, 0].astype("float32") / 50
        return np.stack([np.zeros_like(confidence), confidence, np.zeros_like(confidence)], axis=1)


def same(one, other):
    return np.array_equal(one.entropy, other.entropy) and np.array_equal(
        one.predicted, other.predicted
    )


@pytest.fixture
def predict():
    return Predictor()


@pytest.fixture
def cached(tmp_path, predict):
    """Fills a cache with one file; the predictor was called once."""
    first = teacher_predictions(teacher(), IMAGES, predict, SingleLabel(), tmp_path)
    return first, next(tmp_path.iterdir())


def test_predictions_are_entropy_and_class_of_the_logits(cached):
    logits = Predictor()(None, IMAGES)
    np.testing.assert_array_equal(cached[0].entropy, entropy(logits))
    np.testing.assert_array_equal(cached[0].predicted, np.argmax(logits, axis=1))


def test_the_same_teacher_and_images_are_not_run_again(cached, tmp_path, predict):
    again = teacher_predictions(teacher(), IMAGES.copy(), predict, SingleLabel(), tmp_path)
    assert predict.calls == 1
    assert same(again, cached[0])


def test_a_teacher_that_was_saved_and_loaded_is_the_same(cached, tmp_path):
    model = teacher()
    model.save(tmp_path / "teacher.keras")
    loaded = keras.saving.load_model(tmp_path / "teacher.keras")
    assert fingerprint(loaded, IMAGES) == fingerprint(model, IMAGES) == cached[1].stem


def test_a_teacher_that_was_frozen_is_the_same(cached):
    frozen = teacher()
    frozen.trainable = False
    assert frozen.to_json() != teacher().to_json()
    assert fingerprint(frozen, IMAGES) == cached[1].stem


@pytest.mark.parametrize(
    "model, images",
    [
        (lambda: teacher(bias=1e-6), IMAGES),
        (lambda: teacher(strides=2), IMAGES),
        (teacher, IMAGES[::-1]),
        (teacher, IMAGES[:4]),
        (teacher, IMAGES ^ np.eye(5, dtype="uint8")[4][:, None, None, None]),
        (teacher, IMAGES.reshape(5, 2, 8, 1)),
    ],
    ids=["weight", "architecture", "order", "fewer", "one bit", "shape"],
)
def test_another_teacher_or_other_images_are_run(cached, tmp_path, predict, model, images):
    teacher_predictions(model(), images, predict, SingleLabel(), tmp_path)
    assert predict.calls == 2
    assert len(list(tmp_path.iterdir())) == 2


def save(folder, logits, variable=False):
    """Saves a SavedModel of constant logits, a constant of its graph or a variable."""

    class Module(tf.Module):
        def __init__(self):
            self.logits = (tf.Variable if variable else tf.constant)(logits)

        @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 1))])
        def serve(self, images):
            return {"logits": tf.reduce_mean(images, axis=(1, 2)) * 0.0 + self.logits}

    module = Module()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
    return folder


def load(folder, **options):
    keras.utils.clear_session()  # layers are named as in a fresh process
    return load_teacher_file(folder, allow_code=True, **options)


@pytest.mark.parametrize("options", [{}, {"teacher_input": "bytes"}], ids=["bare", "nested"])
@pytest.mark.parametrize("variable", [False, True], ids=["constant", "variable"])
def test_saved_models_are_distinguished_by_content_not_by_path(tmp_path, variable, options):
    folder = save(tmp_path / "teacher", [1.0, 2.0, 3.0], variable)
    first = load(folder, **options)
    assert bool(first.get_weights()) == variable
    seen = fingerprint(first, IMAGES)
    moved = shutil.copytree(folder, tmp_path / "another path")
    shutil.rmtree(folder)
    save(folder, [3.0, 2.0, 1.0], variable)
    assert fingerprint(load(folder, **options), IMAGES) != seen
    assert fingerprint(load(moved, **options), IMAGES) == seen


def test_another_saved_model_at_the_same_path_is_run(tmp_path, predict):
    for logits in ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]):
        shutil.rmtree(tmp_path / "teacher", ignore_errors=True)
        model = load(save(tmp_path / "teacher", logits))
        teacher_predictions(model, IMAGES, predict, SingleLabel(), tmp_path / "cache")
    assert predict.calls == 2


def spoil(path, how):
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "pickled":
        np.savez(path, entropy=np.array([{}] * 5), predicted=np.zeros(5, np.int32))
    elif how == "other length":
        np.savez(path, entropy=np.zeros(4), predicted=np.zeros(4, np.int32))
    elif how == "other type":
        np.savez(path, entropy=np.zeros(5), predicted=np.zeros(5))
    elif how == "other names":
        np.savez(path, entropies=np.zeros(5))


@pytest.mark.parametrize(
    "how", ["cut", "empty", "pickled", "other length", "other type", "other names"]
)
def test_a_broken_file_is_computed_again_and_replaced(cached, tmp_path, predict, how):
    first, path = cached
    spoil(path, how)
    for _ in range(2):
        assert same(teacher_predictions(teacher(), IMAGES, predict, SingleLabel(), tmp_path), first)
    assert predict.calls == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_is_logged_and_not_used(tmp_path, predict, caplog):
    (tmp_path / "a file").write_text("")
    with caplog.at_level(logging.INFO, "mosaickd_tf"):
        found = teacher_predictions(teacher(), IMAGES, predict, SingleLabel(), tmp_path / "a file")
    assert len(found.entropy) == 5
    assert "not cached" in caplog.text


def test_many_images_are_run_in_chunks(tmp_path, predict, monkeypatch):
    whole = teacher_predictions(teacher(), IMAGES, predict, SingleLabel(), tmp_path / "whole")
    monkeypatch.setattr(module, "_CHUNK", 2)
    parts = teacher_predictions(teacher(), IMAGES, predict, SingleLabel(), tmp_path / "parts")
    assert same(parts, whole)
    assert predict.calls == 1 + 3


@pytest.mark.parametrize(
    "variable, value, folder",
    [("XDG_CACHE_HOME", "{}/cache", "cache"), ("HOME", "{}", ".cache")],
)
def test_the_cache_is_the_user_s_by_default(
    tmp_path, monkeypatch, predict, variable, value, folder
):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, value.format(tmp_path))
    teacher_predictions(teacher(), IMAGES, predict, SingleLabel())
    (path,) = (tmp_path / folder / "mosaickd_tf" / "opinions").iterdir()
    assert path.suffix == ".npz"
