"""The four-player game: who moves in which phase, what the noise is keyed on, what is judged."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import LossWeights
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.models import build_patch_discriminator
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny
from tests.methods.mosaic_game import all_of, distiller, play, what_moves

# Each phase moves its own player.


def test_a_round_moves_all_players_but_the_teacher():
    made = distiller()
    moved = what_moves(made, lambda: (play(made), play(made, tiny.batch(1))))
    assert moved == all_of("student", "generator", "discriminator")


def test_the_discriminator_s_update_moves_the_discriminator_alone():
    made = distiller()
    fake = made.synthesize(4)
    real = tf.constant(tiny.batch()["patch_images"])
    assert what_moves(made, lambda: made._update_discriminator(real, fake)) == all_of(
        "discriminator"
    )


def test_the_generator_s_update_moves_its_weights_and_only_statistics_of_its_judges():
    made = distiller()

    def update():
        with tf.GradientTape() as tape:
            loss = made.generator_loss(made.synthesize(4))
        made.apply(tape, loss, "generator")

    # Student and discriminator judge in training mode, as in the official code.
    judges = {("student", "statistics"), ("discriminator", "statistics")}
    assert what_moves(made, update) == all_of("generator") | judges


def test_the_joint_phase_never_moves_the_student_s_weights():
    made = distiller()
    real = tf.constant(tiny.batch()["patch_images"])
    moved = what_moves(made, lambda: made._update_discriminator_and_generator(real))
    assert moved == all_of("generator", "discriminator") | {("student", "statistics")}


def test_the_student_s_update_moves_the_student_alone():
    made = distiller()
    images = tf.constant(tiny.batch()["patch_images"])
    assert what_moves(made, lambda: made.update_student(images)) == all_of("student")


def test_a_local_weight_of_0_leaves_the_discriminator_untouched():
    made = distiller(loss_weights=LossWeights(local=0.0))
    moved = what_moves(made, lambda: play(made))
    assert moved == all_of("student", "generator")


def test_the_generator_s_loss_asks_the_teacher_without_its_dropout():
    players = tiny.plain_players()
    inputs = keras.Input((8, 8, 3))
    dropped = keras.layers.Dropout(0.9)(inputs)
    players["teacher"] = keras.Model(inputs, players["teacher"](dropped))
    made = distiller(players)
    images = made.synthesize(4)
    values = [float(made.generator_loss(images)) for _ in range(3)]
    assert values == pytest.approx([values[0]] * 3, rel=1e-5)


def test_one_batch_of_synthetic_images_serves_discriminator_and_generator(monkeypatch):
    made = distiller()
    purposes = []
    original = made.synthesize
    monkeypatch.setattr(
        made,
        "synthesize",
        lambda size, purpose=0: (purposes.append(purpose), original(size, purpose))[1],
    )
    play(made, tiny.batch(student_steps=3))
    assert purposes[0] == 0 and len(purposes) == 1 + 3  # one for both, one for each student step
    assert len(set(purposes)) == 4


def test_the_student_learns_from_synthetic_and_ood_images_in_one_batch(monkeypatch):
    made, batch = distiller(), tiny.batch()
    seen = []
    monkeypatch.setattr(made, "update_student", seen.append)
    play(made, batch)
    for k, images in enumerate(seen):
        assert images.shape == (8, 8, 8, 3)
        np.testing.assert_array_equal(images[4:], batch["transfer_images"][:, k])


def test_the_generator_s_loss_is_the_weighted_sum_of_its_terms():
    weights = {"local": 0.5, "align": 2.0, "adversarial": 3.0, "balance": 7.0}
    made = distiller(loss_weights=LossWeights(**weights))
    loss = made.generator_loss(made.synthesize(4))
    terms = {name: float(tracker.result()) for name, tracker in made.trackers.items()}
    expected = (
        0.5 * terms["local_patch_loss"]
        + 2.0 * terms["label_space_alignment_loss"]
        + 3.0 * terms["adversarial_loss"]
        + 7.0 * terms["class_balance_loss"]
    )
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)


@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_the_discriminator_s_gradient_carries_the_local_weight_and_its_report_does_not(weight):
    # With plain SGD at rate 1 the step is the gradient, so it grows with the weight.
    steps, reports = [], []
    for local in (1.0, weight):
        made = distiller(loss_weights=LossWeights(local=local))
        made.discriminator_optimizer = keras.optimizers.SGD(1.0)
        made.discriminator_optimizer.build(made.discriminator.trainable_variables)
        weights = made.discriminator.trainable_variables
        before = [variable.numpy() for variable in weights]
        made._update_discriminator(tf.constant(tiny.batch()["patch_images"]), made.synthesize(4))
        steps.append([new.numpy() - old for old, new in zip(before, weights, strict=True)])
        reports.append(float(made.trackers["patch_discrimination_loss"].result()))
    for once, weighted in zip(*steps, strict=True):
        np.testing.assert_allclose(weighted, weight * once, rtol=1e-3, atol=1e-5)
    assert reports[0] == reports[1]


# Noise.


def bare(noise_dim):
    """A distiller whose generator gives the noise as it is."""
    made = distiller()
    made.generator = keras.Sequential([keras.Input((noise_dim,)), keras.layers.Identity()])
    made.noise_dim = noise_dim
    return made


def test_noise_is_standard_normal():
    noise = bare(500).synthesize(200).numpy()
    assert noise.shape == (200, 500) and noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1.0) < 0.01
    # Of a normal distribution 0.27 % lies beyond three deviations.
    assert 0.002 < (np.abs(noise) > 3.0).mean() < 0.0035
    assert len(np.unique(noise)) > 0.95 * noise.size


def test_noise_is_the_same_under_xla():
    made = bare(40)
    compiled = tf.function(lambda: made.synthesize(30, 3), jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(), made.synthesize(30, 3), rtol=1e-4, atol=1e-5)


def test_noise_is_a_function_of_seed_round_and_purpose():
    made = distiller(seed=3)

    def images(whose, purpose):
        return whose.synthesize(4, purpose).numpy()

    first = images(made, 0)
    np.testing.assert_array_equal(first, images(made, 0))
    np.testing.assert_array_equal(first, images(distiller(seed=3), 0))
    assert (first != images(made, 1)).any()
    assert (first != images(distiller(seed=4), 0)).any()
    made.rounds_played.assign(1)
    assert (first != images(made, 0)).any()


def test_synthetic_images_are_made_with_batch_statistics():
    made = distiller()
    images = made.synthesize(4)
    assert images.shape == (4, 8, 8, 3) and images.dtype == "float32"
    # Before the sigmoid each value has mean 0 over the batch, whatever the weights.
    logits = np.log(images / (1.0 - images.numpy()))
    np.testing.assert_allclose(logits.mean(axis=0), 0.0, atol=1e-4)
    assert what_moves(made, lambda: made.synthesize(4)) == {("generator", "statistics")}


def test_the_same_seed_gives_the_same_rounds_and_another_seed_others():
    one, same, other = (play(distiller(seed=seed)) for seed in (5, 5, 6))
    assert one == pytest.approx(same, rel=1e-5)
    assert all(one[name] != other[name] for name in MosaicDistiller.terms)


def test_a_round_differs_from_the_one_before_on_the_same_images():
    made = distiller()
    first, second = play(made), play(made)
    assert all(first[name] != second[name] for name in MosaicDistiller.terms)


def test_a_restored_distiller_plays_on_as_if_it_had_never_stopped(tmp_path):
    whole, stopped, resumed = distiller(), distiller(), distiller()
    play(whole)
    play(stopped)
    path = tf.train.Checkpoint(**stopped.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    assert play(resumed) == pytest.approx(play(whole), rel=1e-5)
    assert set(whole.state()) == {
        *("rounds", "means"),
        *("student", "generator", "discriminator"),
        *("student_optimizer", "generator_optimizer", "discriminator_optimizer"),
    }


# Patches.


def blind(made):
    """Makes the discriminator undecided: all its logits are zero, until its update."""
    head = made.discriminator.get_layer("patch_logits")
    head.kernel.assign(tf.zeros_like(head.kernel))
    return made


def test_an_undecided_judge_costs_ln2_for_each_of_16_patches():
    terms = play(blind(distiller(tiny.players())))
    assert terms["patch_discrimination_loss"] == pytest.approx(16 * math.log(2), rel=1e-5)


def crop_players():
    judge = build_patch_discriminator(image_size=4, patch_size=4, base_filters=4)
    return tiny.players() | {"discriminator": judge}


def test_an_undecided_judge_of_3_crops_costs_ln2_for_each_crop():
    made = blind(distiller(crop_players(), patch_crops=3))
    assert play(made)["patch_discrimination_loss"] == pytest.approx(3 * math.log(2), rel=1e-5)


def test_crops_are_judged_image_by_image():
    made = distiller(crop_players(), patch_crops=5)
    assert made._judge(tf.constant(tiny.batch()["patch_images"]), 1).shape == (4, 5)


def test_a_round_with_crops_moves_all_players_but_the_teacher():
    made = distiller(crop_players(), patch_crops=2)
    assert what_moves(made, lambda: play(made)) == all_of("student", "generator", "discriminator")


def test_discriminator_and_generator_are_judged_on_the_same_crops_of_an_image(monkeypatch):
    made = distiller(crop_players(), patch_crops=2)
    images, seen = made.synthesize(4), []
    judged = made.discriminator.call
    monkeypatch.setattr(
        made.discriminator, "call", lambda x, **k: (seen.append(x.numpy()), judged(x, **k))[1]
    )
    made._update_discriminator(images, images)
    made.generator_loss(images)
    real, fake, of_generator = seen
    np.testing.assert_array_equal(fake, of_generator)
    assert (real != fake).any()


# Gradient norms and patches


def test_norms_are_those_of_each_player_s_gradient():
    """Plain descent at rate 1 without momentum moves the weights by the gradient itself."""
    made = distiller()
    names = ("student", "generator", "discriminator")
    made.compile(
        **{f"{name}_optimizer": MomentumSGD(1.0, momentum=0.0) for name in names},
        jit_compile=False,
    )
    before = {name: [v.numpy() for v in getattr(made, name).trainable_variables] for name in names}
    batch = tiny.batch(student_steps=1)
    made.train_step(tf.nest.map_structure(tf.constant, batch))
    for name in names:
        after = [v.numpy() for v in getattr(made, name).trainable_variables]
        squares = [np.sum((a - b) ** 2) for a, b in zip(after, before[name], strict=True)]
        norm = made.gradient_norms[f"gradient_norm_{name}"].result()
        np.testing.assert_allclose(float(norm), np.sqrt(np.sum(squares)), rtol=1e-3)


@pytest.mark.parametrize("patch_crops, expected", [(0, 9), (3, 27)])
def test_the_number_of_patches_that_are_judged(patch_crops, expected):
    """A 4×4 kernel of stride 2 on 8×8 pixels has 3×3 places."""
    assert distiller(patch_crops=patch_crops).patches == expected


def test_patches_of_a_discriminator_of_unknown_shape_are_not_known():
    players = tiny.plain_players()
    players["discriminator"] = tiny.Subclassed(players["discriminator"])
    assert distiller(players).patches is None
