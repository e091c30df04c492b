"""Supervised training of a teacher: it learns, and leaves its file and its facts."""

import dataclasses

import keras
import numpy as np
import pytest

from mosaickd_tf import models
from mosaickd_tf.config import RunConfig
from mosaickd_tf.data import streams
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.teachers import training
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD
from mosaickd_tf.utils import files
from tests import tiny
from tests.teachers.small_training import EPOCHS, STEPS, config, part, target

pytestmark = pytest.mark.usefixtures("eagerly", "small_network")


def test_the_teacher_learns_and_leaves_its_facts(tmp_path):
    teacher = training.train_teacher(config(teacher_epochs=6), target(), tmp_path)
    facts = files.read_json(tmp_path / "teacher.json")
    assert facts["test_accuracy"] >= 0.9
    test = target().test
    outputs = teacher(test.images / np.float32(255), training=False).numpy()
    assert facts["test_accuracy"] == np.mean(outputs.argmax(-1) == test.labels)
    unit = target().train.images / 255
    np.testing.assert_allclose(facts["mean"], [unit.mean()], rtol=1e-6)
    np.testing.assert_allclose(facts["std"], [unit.std()], rtol=1e-6)
    assert facts["label_names"] == ["dark", "bright"]
    assert facts["input_shape"] == [8, 8, 1]
    assert (facts["name"], facts["dataset"], facts["epochs"]) == ("wrn10_1", "folder:tests", 6)
    loaded = keras.saving.load_model(tmp_path / "teacher.keras")
    assert tiny.same_bits(tiny.values(teacher), tiny.values(loaded))


def test_statistics_that_are_given_go_before_those_of_the_training_split(tmp_path):
    asked = config(teacher_epochs=1, teacher_mean=(0.25,), teacher_std=(0.5,))
    teacher = training.train_teacher(asked, target(), tmp_path)
    layer = teacher.get_layer("standardization").get_config()
    assert (layer["mean"], layer["variance"]) == ([0.25], [0.25])
    facts = files.read_json(tmp_path / "teacher.json")
    assert (facts["mean"], facts["std"]) == ([0.25], [0.5])


def test_updates_are_those_of_keras_fit_bit_for_bit(tmp_path):
    """With the same network, batches, loss and optimizer."""
    asked, data = config(), target()
    teacher = training.train_teacher(asked, data, tmp_path)
    keras.utils.set_random_seed(asked.run.seed)
    reference = models.training_copy(training.untrained_teacher(asked, data), "float32")
    options = asked.teacher
    rate = CosineOverRounds(options.teacher_learning_rate, EPOCHS * STEPS)
    reference.compile(
        optimizer=MomentumSGD(rate, l2=options.teacher_weight_decay),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    batches = streams.labeled(
        data.train,
        batch_size=options.teacher_batch_size,
        augmentation=options.teacher_augmentation,
        seed=asked.run.seed,
    )
    planned = {"epochs": EPOCHS, "steps_per_epoch": STEPS, "shuffle": False, "verbose": 0}
    history = reference.fit(batches, **planned).history
    assert tiny.same_bits(tiny.values(teacher), reference.get_weights())
    rows = read_rows(tmp_path / "metrics.jsonl")[1:]
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose([row[name] for row in rows], history[name], rtol=1e-6)


def test_about_ten_evaluations_and_checkpoints_each_with_the_means_of_its_epoch(
    tmp_path, monkeypatch
):
    kept, save = [], Checkpoints.save
    reset, reset_metrics = [], training.TeacherTrainer.reset_metrics

    def note_save(self, progress, **options):
        kept.append(progress["step"])
        save(self, progress, **options)

    def note_reset(self):
        reset.append(int(self.optimizers[0].iterations))
        reset_metrics(self)

    monkeypatch.setattr(Checkpoints, "save", note_save)
    monkeypatch.setattr(training.TeacherTrainer, "reset_metrics", note_reset)
    training.train_teacher(config(teacher_epochs=21), target(), tmp_path)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row["epoch"] for row in rows] == [*range(0, 21, 2), 21]
    assert [row["round"] for row in rows] == [STEPS * row["epoch"] for row in rows]
    assert kept == [row["round"] for row in rows[1:]]
    assert reset == [STEPS * epoch for epoch in range(1, 22)]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_the_file_is_float32_and_of_built_in_layers_whatever_it_was_trained_in(tmp_path, precision):
    training.train_teacher(
        config(precision=precision, teacher_epochs=1), target(validation=False), tmp_path
    )
    loaded = keras.saving.load_model(tmp_path / "teacher.keras")
    assert "mosaickd_tf" not in loaded.to_json()
    assert {layer.dtype_policy.name for layer in loaded.layers} == {"float32"}
    assert files.read_json(tmp_path / "teacher.json")["validation_accuracy"] is None


def test_xla_compiles_the_updates_where_it_is_requested(tmp_path, monkeypatch):
    compiled = []
    compile_model = keras.Model.compile

    def note(self, **options):
        compiled.append(options["jit_compile"])
        compile_model(self, **options | {"jit_compile": False})

    monkeypatch.setattr(keras.Model, "compile", note)
    for wanted in ("true", "false"):
        asked = config(teacher_epochs=1)
        asked = dataclasses.replace(asked, run=RunConfig(precision="float32", jit_compile=wanted))
        training.train_teacher(asked, target(), tmp_path / wanted)
    assert compiled == [True, False]


def test_a_teacher_that_diverges_ends_with_an_error_and_no_checkpoint(tmp_path):
    with pytest.raises(RunError) as caught:
        training.train_teacher(config(teacher_learning_rate=1e30), target(), tmp_path)
    assert str(caught.value) == (
        "teacher, step 3: the loss became nan. There is no checkpoint yet. Lower "
        "`teacher_learning_rate` in another folder"
    )
    assert Checkpoints(tmp_path / "checkpoints", {}).progress() is None
    assert not (tmp_path / "teacher.keras").exists()


def test_a_finished_teacher_is_loaded_and_not_trained_again(tmp_path, monkeypatch):
    given = tiny.classifier()
    given.save(tmp_path / "teacher.keras")
    kept = {"sha256": files.sha256(tmp_path / "teacher.keras")}
    files.write_json(tmp_path / "teacher.json", kept)
    monkeypatch.setattr(training, "_train", None)
    teacher = training.train_teacher(config(), target(), tmp_path)
    assert tiny.same_bits(tiny.values(given), tiny.values(teacher))


def test_a_batch_larger_than_the_data_is_cut_back(tmp_path):
    teacher = training.train_teacher(
        config(teacher_batch_size=1000, teacher_epochs=1), target(), tmp_path
    )
    assert np.isfinite(tiny.values(teacher)[0]).all()


@pytest.mark.parametrize(
    "name, train, expected",
    [
        ("resnet19", part(4, 0), "Unknown network"),
        ("wrn11_1", part(4, 0), "Unknown network"),
        ("wrn10_1", None, "training split"),
    ],
)
def test_a_teacher_that_cannot_be_trained_is_refused(tmp_path, name, train, expected):
    data = TargetData(train=train, validation=None, test=part(4, 1))
    with pytest.raises(RequestError, match=expected) as caught:
        training.train_teacher(config(teacher=name), data, tmp_path / "run")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()
