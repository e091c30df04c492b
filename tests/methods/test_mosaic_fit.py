"""Rounds of MosaicKD by `fit`, under XLA, in low precision, on broken batches."""

import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data.streams import rounds
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.models import training_copy
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny
from tests.methods import harness
from tests.methods.harness import run_round

IMAGES = np.random.RandomState(1).randint(0, 256, size=(12, 8, 8, 3)).astype("uint8")


TERMS = [term.name for term in MosaicDistiller.method.terms]


def build(networks=None, **arguments):
    return harness.build("mosaic", networks_=networks, **arguments)


def fit(distiller, data, **arguments):
    defaults = {"steps_per_epoch": 1, "epochs": 1, "shuffle": False, "verbose": 0}
    return distiller.fit(data, **(defaults | arguments)).history


class Counted(MosaicDistiller):
    """Counts how often Python runs through the round."""

    runs_of_python = 0

    def train_step(self, batch):
        self.runs_of_python += 1
        return super().train_step(batch)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Six rounds by `fit` in float32, with ordinary callbacks, and what they left."""
    folder = tmp_path_factory.mktemp("fitted")
    tiny.seed_weights(0)
    distiller = Counted(**tiny.plain_networks())
    distiller.compile(student_optimizer=MomentumSGD(0.05), jit_compile=False)
    teacher = tiny.values(distiller.teacher)
    data = rounds(IMAGES, batch_size=4, student_steps=2)
    history = fit(
        distiller,
        data,
        steps_per_epoch=2,
        epochs=3,
        validation_data=(IMAGES / np.float32(255), np.zeros(12)),
        callbacks=[keras.callbacks.CSVLogger(folder / "log.csv")],
    )
    return types.SimpleNamespace(
        distiller=distiller, teacher=teacher, data=data, history=history, log=folder / "log.csv"
    )


def test_rounds_by_fit_leave_the_teacher_bit_for_bit(fitted):
    assert tiny.same_bits(fitted.teacher, tiny.values(fitted.distiller.teacher))


def test_the_round_is_traced_once(fitted):
    fit(fitted.distiller, fitted.data, steps_per_epoch=2)
    assert fitted.distiller.runs_of_python == 1


def test_rounds_by_fit_are_counted_once_each(fitted):
    for optimizer, updates in (("student", 2), ("generator", 1), ("discriminator", 1)):
        iterations = int(getattr(fitted.distiller, f"{optimizer}_optimizer").iterations)
        assert iterations == updates * int(fitted.distiller.rounds_completed)


def test_the_history_names_every_term_and_every_comparison(fitted):
    assert set(fitted.history) == {*TERMS, "val_accuracy", "val_agreement"}
    values = np.array(list(fitted.history.values()))
    assert values.shape == (8, 3) and np.isfinite(values).all()


def test_terms_lie_where_their_definitions_put_them(fitted):
    terms = {name: np.array(fitted.history[name]) for name in TERMS}
    assert (terms["patch_discrimination_loss"] > 0).all() and (terms["local_patch_loss"] > 0).all()
    assert (terms["adversarial_loss"] <= 0).all() and (terms["distillation_loss"] >= 0).all()
    assert (0 <= terms["label_space_alignment_loss"]).all()
    assert (terms["label_space_alignment_loss"] <= math.log(5) + 1e-5).all()
    assert (-math.log2(5) - 1e-5 <= terms["class_balance_loss"]).all()
    assert (terms["class_balance_loss"] <= 1e-5).all()


def test_a_csv_logger_writes_a_line_an_epoch(fitted):
    lines = fitted.log.read_text().splitlines()
    assert set(lines[0].split(",")) == {"epoch", *fitted.history} and len(lines) == 4


def test_early_stopping_ends_fit_when_a_term_stops_falling(fitted):
    stop = keras.callbacks.EarlyStopping(
        monitor="distillation_loss", mode="min", min_delta=1e9, patience=1
    )
    history = fit(fitted.distiller, fitted.data, epochs=5, callbacks=[stop])
    assert len(history["distillation_loss"]) == 2


def test_evaluate_after_fit_is_that_of_the_student(fitted):
    distiller, images = fitted.distiller, IMAGES / np.float32(255)
    labels = np.argmax(distiller.student(images, training=False), axis=-1)
    results = distiller.evaluate(images, labels, verbose=0, return_dict=True)
    assert results["accuracy"] == 1.0


def test_fit_runs_the_rounds_that_eager_steps_run(fitted):
    distiller, batches = build(), iter(fitted.data)
    for epoch in range(3):
        distiller.reset_metrics()
        for _ in range(2):
            terms = distiller.train_step(next(batches))
        for name in TERMS:
            expected = fitted.history[name][epoch]
            np.testing.assert_allclose(terms[name], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow  # XLA takes its time to compile a round
def test_xla_runs_the_rounds_that_eager_steps_run():
    batch = tiny.batch(student_steps=1)
    data = tf.data.Dataset.from_tensors(batch).repeat()
    history = fit(build(jit_compile=True), data, epochs=2)
    distiller = build()
    for epoch in range(2):
        for name, value in run_round(distiller, batch).items():
            np.testing.assert_allclose(history[name][epoch], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("low", ["mixed_bfloat16", "mixed_float16"])
def test_low_precision_gives_about_the_terms_of_float32(low):
    results = []
    for policy in ("float32", low):
        tiny.seed_weights(0)
        networks = {name: training_copy(x, policy) for name, x in tiny.plain_networks().items()}
        results.append(run_round(build(networks)))
    for name in TERMS:
        assert results[1][name] == pytest.approx(results[0][name], rel=0.15, abs=0.01)


def test_the_size_of_the_batch_may_be_unknown_when_the_round_is_traced():
    networks = tiny.plain_networks()
    networks["discriminator"] = tiny.plain_networks(image_size=4)["discriminator"]
    distiller = build(networks, patch_crops=2)
    signature = {
        "patch_images": tf.TensorSpec((None, 8, 8, 3)),
        "transfer_images": tf.TensorSpec((None, 1, 8, 8, 3)),
    }
    traced = tf.function(distiller.train_step, input_signature=[signature], autograph=False)
    for size in (4, 3):
        distiller.reset_metrics()
        batch = tiny.batch(batch_size=size, student_steps=1)
        terms = traced(tf.nest.map_structure(tf.constant, batch))
        assert np.isfinite([float(value) for value in terms.values()]).all()
    assert int(distiller.rounds_completed) == 2


@pytest.mark.parametrize("jit_compile", [False, True])
def test_with_skip_nonfinite_a_round_of_broken_images_spoils_no_network(jit_compile):
    """Those of the discriminator and of one update of the student; the rest of it runs."""
    distiller = build(skip_nonfinite=True, jit_compile=jit_compile)
    broken = tiny.batch()
    broken["patch_images"][0] = np.nan
    broken["transfer_images"][1, 0] = np.inf
    step = tf.function(distiller.train_step, jit_compile=jit_compile, autograph=False)
    terms = step(tf.nest.map_structure(tf.constant, broken))
    assert distiller.skipped_updates == 2
    assert distiller.discriminator_optimizer.iterations.numpy() == 1  # schedules continue
    for name in distiller.networks:
        assert all(np.isfinite(value).all() for value in tiny.values(getattr(distiller, name)))
    assert all(np.isfinite(value) for value in terms.values())
    before = tiny.values(distiller.discriminator)
    step(tf.nest.map_structure(tf.constant, tiny.batch()))
    assert distiller.skipped_updates == 2
    assert not tiny.same_bits(before, tiny.values(distiller.discriminator))
