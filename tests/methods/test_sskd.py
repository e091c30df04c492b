"""Self-supervision: two phases, rotated images, ranked errors, similarities."""

import keras
import numpy as np
import pytest

from mosaickd_tf.config import DistillConfig, OptimizationConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import SelfSupervisedDistiller
from mosaickd_tf.methods.sskd import SelfSupervisedConfig, rotations
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD
from tests.losses import softmax64
from tests.methods import harness


def build(teacher_rounds=1, **arguments):
    return harness.build("sskd", teacher_rounds=teacher_rounds, **arguments)


def projected64(model, features):
    """Computes a head's output from the weights of its two layers."""
    first, second = [layer for layer in model.layers if layer.weights]
    hidden = np.maximum(np.asarray(features, np.float64) @ first.kernel.numpy() + first.bias, 0)
    return hidden @ second.kernel.numpy() + second.bias.numpy()


def similarities64(vectors):
    """Returns cosines of the rotated to the plain images, one by one."""
    size = len(vectors) // 4
    return np.array(
        [
            [v @ a / (np.linalg.norm(v) * np.linalg.norm(a)) for a in vectors[:size]]
            for v in vectors[size:]
        ]
    )


def ranked64(teacher, student, targets, share, temperature):
    """Follows the published procedure: sort by the rank of the target, cut, average."""
    ranks = np.array([(row > row[t]).sum() for row, t in zip(teacher, targets, strict=True)])
    wrong = (ranks > 0).sum()
    rows = np.argsort(ranks, kind="stable")[: len(ranks) - wrong + int(share * wrong)]
    return harness.kl64(teacher[rows], student[rows], temperature).mean()


def test_the_student_s_loss_is_the_sum_of_its_three_terms():
    config = SelfSupervisedConfig(transformed_share=0.5, similarity_share=0.5)
    sskd = build(config=config, temperature=4.0)
    views = rotations(harness.IMAGES)
    teacher = sskd.teacher_capture(views, training=False)
    student = sskd.student_capture(views, training=True)
    logits = [np.asarray(x, np.float64) for x, _ in (teacher, student)]
    labels = np.tile(logits[0][:4].argmax(axis=1), 3)
    similar = [
        similarities64(projected64(head, features[0]))
        for head, (_, features) in ((sskd.teacher_head, teacher), (sskd.heads, student))
    ]
    terms = {
        "distillation_loss": harness.kl64(logits[0][:4], logits[1][:4], 4.0).mean(),
        "transformed_loss": ranked64(logits[0][4:], logits[1][4:], labels, 0.5, 4.0),
        "similarity_loss": ranked64(*similar, np.tile(np.arange(4), 3), 0.5, 0.5),
        "matching_loss": 0.0,  # not of this phase
    }
    loss = harness.minimized(sskd, lambda: sskd.update_student(views))["student"]
    assert loss == pytest.approx(np.dot([1.0, 2.7, 10.0, 0.0], list(terms.values())), rel=1e-4)
    assert harness.recorded(sskd) == pytest.approx(terms, rel=1e-3, abs=1e-6)


def test_the_views_are_the_images_and_their_three_rotations():
    expected = np.concatenate([np.rot90(harness.IMAGES, k, axes=(1, 2)) for k in range(4)])
    np.testing.assert_array_equal(rotations(harness.IMAGES), expected)


def test_in_the_first_rounds_the_head_of_the_teacher_learns_alone():
    sskd = build(teacher_rounds=2)
    for _ in range(2):
        moved = harness.changed(sskd, lambda: harness.run_round(sskd))
        # The student's schedule advances.
        head = {("teacher_head", "weights"), ("teacher_head", "optimizer")}
        assert moved == head | {("student", "optimizer")}
    moved = harness.changed(sskd, lambda: harness.run_round(sskd))
    assert moved == harness.all_of("student") | {("heads", "weights")}


def test_the_student_s_schedule_ends_with_the_rounds():
    distiller = build(teacher_rounds=1)
    distiller.compile(student_optimizer=MomentumSGD(CosineOverRounds(0.1, 2, updates_per_round=2)))
    rates = []
    for _ in range(3):
        rates.append(float(distiller.student_optimizer.learning_rate))
        harness.run_round(distiller)
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.0], rtol=1e-5, atol=1e-8)


def test_the_matching_loss_is_the_cross_entropy_of_the_right_image_and_falls():
    distiller = build(teacher_rounds=50)
    data = harness.batch()
    data["transfer_images"] = data["transfer_images"][:, :1]
    views = rotations(data["transfer_images"][:, 0])
    _, (features,) = distiller.teacher_capture(views)
    probabilities = softmax64(similarities64(projected64(distiller.teacher_head, features)))
    right = probabilities[np.arange(12), np.tile(np.arange(4), 3)]
    terms = harness.run_round(distiller, data)
    assert terms["matching_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)
    for _ in range(20):
        later = harness.run_round(distiller, data)
    assert later["matching_loss"] < terms["matching_loss"]
    assert later["distillation_loss"] == 0.0


def test_plain_graphs_run_both_phases_like_eager_rounds():
    graphs, eager = build(), build()
    history = harness.fitted(graphs, 3)
    data = harness.batch()
    first = {name: data[name][:, :1] for name in ("transfer_images", "index")}
    expected = [harness.run_round(eager, first) for _ in range(3)]
    for name, values in history.items():
        np.testing.assert_allclose(values, [x[name] for x in expected], rtol=1e-3, atol=1e-5)
    assert history["distillation_loss"][0] == 0.0 < history["distillation_loss"][1]


def test_images_that_are_not_square_are_refused():
    inputs = keras.Input((8, 4, 3))
    hidden = keras.layers.GlobalAveragePooling2D(name="features")(inputs)
    networks = {
        role: keras.Model(inputs, keras.layers.Dense(2)(hidden)) for role in ("teacher", "student")
    }
    with pytest.raises(RequestError, match="Received: 8x4"):
        build(networks_=networks)


@pytest.mark.parametrize(("rounds", "expected"), [(1000, 200), (11, 3), (2, 1), (1, 0)])
def test_the_config_sets_the_rounds_of_the_first_phase(rounds, expected):
    asked = DistillConfig(optimization=OptimizationConfig(rounds=rounds))
    arguments = SelfSupervisedDistiller.arguments(asked)
    assert arguments["teacher_rounds"] == expected
