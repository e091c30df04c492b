"""The baseline: the student imitates the teacher on OOD images alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data.streams import rounds
from mosaickd_tf.methods import KnowledgeDistiller
from mosaickd_tf.models import training_copy
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD
from tests import tiny

IMAGES = np.random.RandomState(1).randint(0, 256, size=(12, 8, 8, 3)).astype("uint8")


def build(networks=None, jit_compile=False):
    """Builds and compiles a distiller, of plain networks by default, the same each time."""
    tiny.seed_weights(0)
    networks = networks or tiny.plain_networks()
    distiller = KnowledgeDistiller(teacher=networks["teacher"], student=networks["student"])
    distiller.compile(student_optimizer=MomentumSGD(0.05), jit_compile=jit_compile)
    return distiller


def run_round(distiller, batch):
    """Returns the mean loss of one round."""
    distiller.reset_metrics()
    return float(distiller.train_step(batch)["distillation_loss"])


def test_a_round_updates_the_student_once_on_each_of_its_batches(monkeypatch):
    distiller, batch = build(), tiny.batch(student_steps=3)
    seen = []
    monkeypatch.setattr(distiller, "update_student", lambda images, _: seen.append(images))
    distiller.train_step(batch)
    np.testing.assert_array_equal(np.stack(seen, axis=1), batch["transfer_images"])
    assert int(distiller.rounds_completed) == 1


def test_a_graph_traces_the_update_once_and_runs_it_on_each_batch(monkeypatch):
    distiller, batch = build(), tf.nest.map_structure(tf.constant, tiny.batch(student_steps=3))
    expected = run_round(build(), batch)
    traced, update = [], distiller.update_student
    monkeypatch.setattr(
        distiller, "update_student", lambda *seen: (traced.append(seen), update(*seen))
    )
    given = float(tiny.compiled(distiller)(batch)["distillation_loss"])
    assert (len(traced), int(distiller.student_optimizer.iterations)) == (1, 3)
    np.testing.assert_allclose(given, expected, rtol=1e-5)  # the mean over three updates


@pytest.mark.parametrize("jit_compile", [False, True])
def test_plain_graphs_keep_the_update_one_function_for_all_its_batches(jit_compile):
    batch = tf.nest.map_structure(tf.constant, tiny.batch(student_steps=3))
    distiller = build(jit_compile=jit_compile)
    graph = tf.function(distiller.train_step, autograph=False).get_concrete_function(batch).graph
    calls = [op.get_attr("f").name for op in graph.get_operations() if "f" in op.node_def.attr]
    kept = [
        f.signature.name for f in graph.as_graph_def().library.function if f.attr["_noinline"].b
    ]
    assert [name in kept for name in calls] == 3 * [not jit_compile]
    assert len(set(calls)) == 1


def test_a_round_moves_the_student_and_leaves_the_teacher_bit_for_bit():
    distiller = build()
    teacher, student = tiny.values(distiller.teacher), tiny.values(distiller.student)
    distiller.train_step(tiny.batch())
    assert tiny.same_bits(teacher, tiny.values(distiller.teacher))
    assert not tiny.same_bits(student, tiny.values(distiller.student))


def test_patch_images_are_not_used():
    first, second = tiny.batch(0), tiny.batch(0)
    second["patch_images"] = 1.0 - first["patch_images"]
    assert run_round(build(), first) == run_round(build(), second)


def test_the_loss_falls_over_rounds_on_the_same_images():
    distiller, batch = build(), tiny.batch()
    values = [run_round(distiller, batch) for _ in range(5)]
    assert values[-1] < 0.8 * values[0]


def test_bfloat16_gives_about_the_losses_of_float32():
    batch = tiny.batch()
    pair = {"teacher": tiny.classifier(0), "student": tiny.classifier(1)}
    full, low = (
        run_round(
            build({name: training_copy(model, policy) for name, model in pair.items()}), batch
        )
        for policy in ("float32", "mixed_bfloat16")
    )
    assert low == pytest.approx(full, rel=0.1)


def test_xla_gives_the_losses_of_eager_steps():
    batch = tiny.batch()
    data = tf.data.Dataset.from_tensors(batch).repeat()
    options = {"steps_per_epoch": 1, "epochs": 3, "shuffle": False, "verbose": 0}
    history = build(jit_compile=True).fit(data, **options).history["distillation_loss"]
    distiller = build()
    expected = [run_round(distiller, batch) for _ in range(3)]
    assert len(set(expected)) == 3
    np.testing.assert_allclose(history, expected, atol=1e-4)


def test_the_rate_holds_inside_a_round_and_falls_between_rounds():
    distiller = build()
    distiller.compile(student_optimizer=MomentumSGD(CosineOverRounds(0.1, 2, updates_per_round=2)))
    rates = []
    for _ in range(3):
        rates.append(float(distiller.student_optimizer.learning_rate))
        distiller.train_step(tiny.batch())
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.0], rtol=1e-5, atol=1e-8)


def test_fit_with_ordinary_callbacks_on_rounds_of_a_data_set(tmp_path):
    distiller = build()
    history = distiller.fit(
        rounds(IMAGES, batch_size=4, student_steps=2),
        steps_per_epoch=2,
        epochs=5,
        shuffle=False,
        verbose=0,
        validation_data=(IMAGES / np.float32(255), np.zeros(12)),
        callbacks=[
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.EarlyStopping(
                monitor="distillation_loss", mode="min", min_delta=1e9, patience=1
            ),
        ],
    ).history
    assert len(history["distillation_loss"]) == 2  # nothing improves by 1e9: stopped early
    assert set(history) == {"distillation_loss", "val_accuracy", "val_agreement"}
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0].split(",")[:2] == ["epoch", "distillation_loss"] and len(lines) == 3
    assert int(distiller.rounds_completed) == 4
