"""A teacher by plain fit: it learns, goes on where it stopped, and leaves what it is."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import models
from mosaickd_tf.config import DataConfig, RunConfig, TeacherConfig, TeacherTrainingConfig
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.errors import Interrupted, RequestError, RunError
from mosaickd_tf.models import blocks
from mosaickd_tf.teachers import training
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.utils import files
from tests import tiny

pytestmark = pytest.mark.usefixtures("eagerly")

EPOCHS = 3
STEPS = 3  # batches in an epoch


class Killed(BaseException):
    """Stands for what ends a process at once."""


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    """A network in place of the one by name, so that its training is traced quickly."""

    def build(name, *, num_classes, input_shape, mean, std):
        inputs = keras.Input(input_shape)
        hidden = blocks.standardization(mean, std)(inputs)
        hidden = layers.Conv2D(4, 3, use_bias=False)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(hidden))
        logits = layers.Dense(num_classes, dtype="float32")(layers.Flatten()(hidden))
        return keras.Model(inputs, logits, name=name)

    monkeypatch.setattr(models, "build_classifier", build)


def part(count, seed):
    """Dark and bright noise, named so."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count).astype("int32")
    images = rng.integers(0, 128, (count, 8, 8, 1)) + 128 * labels[:, None, None, None]
    return ImageSet(
        images=images.astype("uint8"), labels=labels, label_names=("dark", "bright"), source="tests"
    )


def target(validation=True):
    return TargetData(
        train=part(24, 0), validation=part(8, 1) if validation else None, test=part(10, 2)
    )


def config(seed=0, precision="float32", **teacher):
    options = {"teacher": "wrn10_1", "teacher_epochs": EPOCHS, "teacher_batch_size": 8}
    return TeacherTrainingConfig(
        data=DataConfig(target_dataset="folder:tests", image_size=8, channels=1),
        teacher=TeacherConfig(**options | teacher),
        run=RunConfig(seed=seed, precision=precision),
    )


@pytest.fixture(autouse=True)
def _each_epoch_is_kept(monkeypatch):
    monkeypatch.setattr(training, "_SECONDS_APART", 0)


def stop_after_epoch(monkeypatch, number, how):
    """Lets `how` happen once the checkpoint of an epoch is written."""
    save = Checkpoints.save

    def save_and_stop(self, progress, **options):
        save(self, progress, **options)
        if progress["step"] == number * STEPS:
            how()

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)


@pytest.fixture(scope="module")
def uninterrupted():
    """Values of a teacher that was trained in one go; made when first asked for."""
    return {}


def values_in_one_go(uninterrupted, tmp_path):
    if not uninterrupted:
        teacher = training.train_teacher(config(), target(), tmp_path / "in one go")
        uninterrupted["values"] = tiny.values(teacher)
    return uninterrupted["values"]


def test_the_teacher_learns_and_leaves_what_it_is(tmp_path):
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


def test_statistics_that_are_given_go_before_those_of_the_training_part(tmp_path):
    asked = config(teacher_epochs=1, teacher_mean=(0.25,), teacher_std=(0.5,))
    teacher = training.train_teacher(asked, target(), tmp_path)
    layer = teacher.get_layer("standardization").get_config()
    assert (layer["mean"], layer["variance"]) == ([0.25], [0.25])
    facts = files.read_json(tmp_path / "teacher.json")
    assert (facts["mean"], facts["std"]) == ([0.25], [0.5])


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_the_file_is_float32_and_of_built_in_layers_whatever_it_was_trained_in(tmp_path, precision):
    training.train_teacher(
        config(precision=precision, teacher_epochs=1), target(validation=False), tmp_path
    )
    loaded = keras.saving.load_model(tmp_path / "teacher.keras")
    assert "mosaickd_tf" not in loaded.to_json()
    assert {layer.dtype_policy.name for layer in loaded.layers} == {"float32"}
    assert files.read_json(tmp_path / "teacher.json")["validation_accuracy"] is None


def test_xla_compiles_the_updates_where_it_is_asked_for(tmp_path, monkeypatch):
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


def test_the_same_request_gives_the_same_teacher(tmp_path, uninterrupted):
    wanted = values_in_one_go(uninterrupted, tmp_path)
    again = training.train_teacher(config(), target(), tmp_path / "again")
    assert tiny.same_bits(wanted, tiny.values(again))


def test_a_resumed_teacher_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path, monkeypatch, uninterrupted
):
    def kill():
        raise Killed

    wanted = values_in_one_go(uninterrupted, tmp_path)
    with monkeypatch.context() as patch:
        stop_after_epoch(patch, 2, kill)
        with pytest.raises(Killed):
            training.train_teacher(config(), target(), tmp_path / "cut")
    assert not (tmp_path / "cut" / "teacher.keras").exists()
    teacher = training.train_teacher(config(), target(), tmp_path / "cut")
    assert tiny.same_bits(wanted, tiny.values(teacher))


def at_step(monkeypatch, number, how):
    """Lets `how` happen at the end of a batch, before anything that is due then."""
    end = training._Keeper.on_train_batch_end

    def end_and_more(self, batch, logs=None):
        if self._done + 1 == number:
            how()
        end(self, batch, logs)

    monkeypatch.setattr(training._Keeper, "on_train_batch_end", end_and_more)


@pytest.mark.parametrize("step", [2, 3, 7])  # inside of epochs, at the end of one
def test_a_signal_stops_at_a_checkpoint_from_which_the_teacher_goes_on(
    tmp_path, monkeypatch, uninterrupted, caplog, step
):
    wanted = values_in_one_go(uninterrupted, tmp_path)
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Interrupted) as caught:
            training.train_teacher(config(), target(), tmp_path / "cut")
    assert caught.value.signal == signal.SIGTERM
    assert Checkpoints(tmp_path / "cut" / "checkpoints", {}).progress() == {"step": step}
    with caplog.at_level("INFO", "mosaickd_tf"):
        teacher = training.train_teacher(config(), target(), tmp_path / "cut")
    epoch = step // STEPS + 1
    assert caplog.messages[0] == f"teacher: going on from step {step} of 9, in epoch {epoch} of 3"
    assert tiny.same_bits(wanted, tiny.values(teacher))


def test_a_teacher_is_kept_between_two_epochs_when_it_is_time(tmp_path, monkeypatch, uninterrupted):
    def kill():
        raise Killed

    wanted = values_in_one_go(uninterrupted, tmp_path)
    asked = dataclasses.replace(
        config(), run=RunConfig(precision="float32", checkpoint_minutes=1e-9)
    )
    with monkeypatch.context() as patch:
        at_step(patch, 5, kill)
        with pytest.raises(Killed):
            training.train_teacher(asked, target(), tmp_path / "cut")
    assert Checkpoints(tmp_path / "cut" / "checkpoints", {}).progress() == {"step": 4}
    teacher = training.train_teacher(asked, target(), tmp_path / "cut")
    assert tiny.same_bits(wanted, tiny.values(teacher))


def test_epochs_shorter_than_a_few_seconds_are_not_all_kept(tmp_path, monkeypatch):
    kept, save = [], Checkpoints.save
    monkeypatch.setattr(
        Checkpoints, "save", lambda self, at: (kept.append(at["step"]), save(self, at))
    )
    monkeypatch.setattr(training, "_SECONDS_APART", 3600)
    training.train_teacher(config(), target(), tmp_path)
    assert kept == [STEPS * EPOCHS]


def test_a_teacher_of_numbers_that_are_not_finite_is_given_up_and_none_is_kept(tmp_path):
    with pytest.raises(RunError, match="teacher_learning_rate") as caught:
        training.train_teacher(config(teacher_learning_rate=1e30), target(), tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert Checkpoints(tmp_path / "checkpoints", {}).progress() is None
    assert not (tmp_path / "teacher.keras").exists()


@pytest.mark.parametrize("name", ["teacher.keras", "teacher.json"])
def test_a_teacher_whose_file_has_changed_is_made_again_from_its_checkpoint(
    tmp_path, monkeypatch, caplog, name
):
    teacher = training.train_teacher(config(teacher_epochs=1), target(), tmp_path)
    content = (tmp_path / name).read_bytes()
    middle = len(content) // 2
    changed = bytes([content[middle] ^ 0x80])
    (tmp_path / name).write_bytes(content[:middle] + changed + content[middle + 1 :])
    at_step(monkeypatch, 1, lambda: pytest.fail("trained again"))
    again = training.train_teacher(config(teacher_epochs=1), target(), tmp_path)
    assert tiny.same_bits(tiny.values(teacher), tiny.values(again))
    assert "made again" in caplog.text
    assert "sha256" in files.read_json(tmp_path / "teacher.json")


def test_a_signal_after_the_last_epoch_is_not_swallowed(tmp_path, monkeypatch):
    """What follows, a distillation, takes longer than the training."""
    stop_after_epoch(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        training.train_teacher(config(teacher_epochs=1), target(), tmp_path)


def test_a_finished_teacher_is_taken_up_and_not_trained_again(tmp_path, monkeypatch):
    given = tiny.classifier()
    given.save(tmp_path / "teacher.keras")
    kept = {"sha256": files.sha256(tmp_path / "teacher.keras")}
    files.write_json(tmp_path / "teacher.json", kept)
    monkeypatch.setattr(training, "_fit", None)
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
        ("wrn10_1", None, "training part"),
    ],
)
def test_a_teacher_that_cannot_be_trained_is_refused(tmp_path, name, train, expected):
    data = TargetData(train=train, validation=None, test=part(4, 1))
    with pytest.raises(RequestError, match=expected) as caught:
        training.train_teacher(config(teacher=name), data, tmp_path / "run")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()
