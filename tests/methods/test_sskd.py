"""Self-supervision: two phases, rotated images, ranked errors, similarities."""

import keras
import numpy as np
import pytest

from mosaickd_tf.config import BaselineTerms, DistillConfig, OptimizationConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import SelfSupervisedDistiller
from mosaickd_tf.methods.sskd import rotations
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD
from tests import tiny
from tests.methods import staged


def distiller(teacher_rounds=1, **arguments):
    return staged.distiller("sskd", teacher_rounds=teacher_rounds, **arguments)


def projected64(model, features):
    """What a head makes of features, from the weights of its two layers."""
    first, second = [layer for layer in model.layers if layer.weights]
    hidden = np.maximum(np.asarray(features, np.float64) @ first.kernel.numpy() + first.bias, 0)
    return hidden @ second.kernel.numpy() + second.bias.numpy()


def similarities64(vectors):
    """Cosines of the rotated to the plain images, one by one."""
    size = len(vectors) // 4
    return np.array(
        [
            [v @ a / (np.linalg.norm(v) * np.linalg.norm(a)) for a in vectors[:size]]
            for v in vectors[size:]
        ]
    )


def ranked64(teacher, student, targets, share, temperature):
    """The published procedure: sort by the rank of the target, cut, average."""
    ranks = np.array([(row > row[t]).sum() for row, t in zip(teacher, targets, strict=True)])
    wrong = (ranks > 0).sum()
    rows = np.argsort(ranks, kind="stable")[: len(ranks) - wrong + int(share * wrong)]
    return staged.kl64(teacher[rows], student[rows], temperature).mean()


def test_the_student_s_loss_is_the_sum_of_its_three_terms():
    made = distiller(transformed_share=0.5, similarity_share=0.5, temperature=4.0)
    teacher, student = staged.seen(made, rotations(staged.IMAGES))
    logits = [np.asarray(x.logits, np.float64) for x in (teacher, student)]
    labels = np.tile(logits[0][:4].argmax(axis=1), 3)
    similar = [
        similarities64(projected64(head, seen.features[0]))
        for head, seen in ((made.teacher_head, teacher), (made.heads, student))
    ]
    terms = {
        "distillation_loss": staged.kl64(logits[0][:4], logits[1][:4], 4.0).mean(),
        "transformed_loss": ranked64(logits[0][4:], logits[1][4:], labels, 0.5, 4.0),
        "similarity_loss": ranked64(*similar, np.tile(np.arange(4), 3), 0.5, 0.5),
        "matching_loss": 0.0,  # not of this phase
    }
    expected = np.dot([1.0, 2.7, 10.0, 0.0], list(terms.values()))
    assert float(made.student_loss(teacher, student)) == pytest.approx(expected, rel=1e-4)
    reported = {name: float(tracker.result()) for name, tracker in made.trackers.items()}
    assert reported == pytest.approx(terms, rel=1e-3, abs=1e-6)


def test_the_views_are_the_images_and_their_three_rotations():
    expected = np.concatenate([np.rot90(staged.IMAGES, k, axes=(1, 2)) for k in range(4)])
    np.testing.assert_array_equal(rotations(staged.IMAGES), expected)


def test_in_the_first_rounds_the_head_of_the_teacher_learns_alone():
    made = distiller(teacher_rounds=2)
    for _ in range(2):
        moved = staged.what_moves(made, lambda: staged.play(made))
        # The clock of the student's schedule goes on.
        assert moved == {"teacher_head", "teacher_head_optimizer", "student_optimizer"}
    moved = staged.what_moves(made, lambda: staged.play(made))
    assert moved == {"student", "heads", "student_optimizer"}


def test_the_student_s_schedule_ends_with_the_rounds():
    made = distiller(teacher_rounds=1)
    made.compile(student_optimizer=MomentumSGD(CosineOverRounds(0.1, 2, updates_per_round=2)))
    rates = []
    for _ in range(3):
        rates.append(float(made.student_optimizer.learning_rate))
        staged.play(made)
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.0], rtol=1e-5, atol=1e-8)


def test_the_matching_loss_is_the_cross_entropy_of_the_right_image_and_falls():
    made = distiller(teacher_rounds=50)
    data = staged.batch()
    data["transfer_images"] = data["transfer_images"][:, :1]
    views = rotations(data["transfer_images"][:, 0])
    _, (features,) = made.teacher_capture(views)
    probabilities = staged.softmax64(similarities64(projected64(made.teacher_head, features)))
    right = probabilities[np.arange(12), np.tile(np.arange(4), 3)]
    terms = staged.play(made, data)
    assert terms["matching_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)
    for _ in range(20):
        later = staged.play(made, data)
    assert later["matching_loss"] < terms["matching_loss"]
    assert later["distillation_loss"] == 0.0


def test_plain_graphs_play_both_phases_like_eager_rounds():
    graphs, eager = distiller(), distiller()
    history = staged.fitted(graphs, 3)
    data = staged.batch()
    first = {name: data[name][:, :1] for name in ("transfer_images", "index")}
    expected = [staged.play(eager, first) for _ in range(3)]
    for name, values in history.items():
        np.testing.assert_allclose(values, [x[name] for x in expected], rtol=1e-3, atol=1e-5)
    assert history["distillation_loss"][0] == 0.0 < history["distillation_loss"][1]


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    """Cut after the first round, inside of the first phase; the third is of the second."""
    teacher = staged.pair()["teacher"]

    def make(seed):
        tiny.seed_weights(seed)
        players = {"teacher": teacher, "student": staged.classifier(4, "student")}
        return distiller(teacher_rounds=2, players=players, seed=5)

    whole, resumed = staged.resumed(make, tmp_path)
    assert tiny.same_bits(whole, resumed)


def test_images_that_are_not_square_are_refused():
    inputs = keras.Input((8, 4, 3))
    hidden = keras.layers.GlobalAveragePooling2D(name="features")(inputs)
    players = {
        role: keras.Model(inputs, keras.layers.Dense(2)(hidden)) for role in ("teacher", "student")
    }
    with pytest.raises(RequestError, match="Received: 8x4"):
        distiller(players=players)


@pytest.mark.parametrize(("rounds", "expected"), [(1000, 200), (11, 3), (2, 1), (1, 0)])
def test_the_config_says_how_many_rounds_are_the_teacher_s(rounds, expected):
    asked = DistillConfig(optimization=OptimizationConfig(rounds=rounds))
    options = SelfSupervisedDistiller.options(asked)
    assert options["teacher_rounds"] == expected


def test_the_config_says_weights_and_shares():
    asked = DistillConfig(
        baselines=BaselineTerms(
            sskd_transformed_weight=1.0,
            sskd_transformed_share=0.1,
            sskd_similarity_weight=2.0,
            sskd_similarity_share=0.2,
        )
    )
    options = SelfSupervisedDistiller.options(asked)
    names = ("transformed_weight", "transformed_share", "similarity_weight", "similarity_share")
    assert [options[name] for name in names] == [1.0, 0.1, 2.0, 0.2]
