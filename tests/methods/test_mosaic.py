"""A round of MosaicKD: which update changes which network, on which images, by which loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config.declared import methods
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.methods.mosaic import MosaicConfig
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny
from tests.methods.harness import all_of, build, changed, recorded, run_round

TERMS = [term.name for term in methods()["mosaic"].terms]
PATCH_IMAGES = tf.constant(tiny.batch()["patch_images"])


def generated(mosaic, number=4, purpose=0):
    """Returns synthetic images as a round makes them."""
    return mosaic.generator(mosaic.noise(number, purpose), training=True)


def generator_phase(mosaic):
    """Updates the generator once, as in a round."""
    with tf.GradientTape() as tape:
        loss = mosaic.generator_loss(generated(mosaic))
    mosaic.apply_gradients(tape, loss, "generator")


def test_a_round_changes_all_networks_but_the_teacher():
    mosaic = build("mosaic")
    rounds = changed(mosaic, lambda: (run_round(mosaic), run_round(mosaic, tiny.batch(1))))
    assert rounds == all_of("student", "generator", "discriminator")


def test_the_discriminator_s_update_changes_the_discriminator_alone():
    mosaic = build("mosaic")
    fake = generated(mosaic)
    moved = changed(mosaic, lambda: mosaic.update_discriminator(PATCH_IMAGES, fake))
    assert moved == all_of("discriminator")


def test_the_generator_s_update_changes_its_weights_and_only_statistics_of_its_adversaries():
    mosaic = build("mosaic")
    # Student and discriminator are in training mode, as in the official code.
    adversaries = {("student", "statistics"), ("discriminator", "statistics")}
    moved = changed(mosaic, lambda: generator_phase(mosaic))
    assert moved == all_of("generator") | adversaries


def test_discriminator_and_generator_never_change_the_student_s_weights(monkeypatch):
    mosaic = build("mosaic")
    monkeypatch.setattr(mosaic, "update_student", lambda *_: None)
    moved = changed(mosaic, lambda: run_round(mosaic))
    assert moved == all_of("generator", "discriminator") | {("student", "statistics")}


def test_the_student_s_update_changes_the_student_alone():
    mosaic = build("mosaic")
    assert changed(mosaic, lambda: mosaic.update_student(PATCH_IMAGES)) == all_of("student")


def test_the_generator_s_loss_takes_the_teacher_without_its_dropout():
    networks = tiny.plain_networks()
    inputs = keras.Input((8, 8, 3))
    dropped = keras.layers.Dropout(0.9)(inputs)
    networks["teacher"] = keras.Model(inputs, networks["teacher"](dropped))
    mosaic = build("mosaic", networks_=networks)
    images = generated(mosaic)
    values = [float(mosaic.generator_loss(images)) for _ in range(3)]
    assert values == pytest.approx([values[0]] * 3, rel=1e-5)


def test_one_batch_of_synthetic_images_serves_discriminator_and_generator(monkeypatch):
    mosaic = build("mosaic")
    purposes, noise = [], mosaic.noise
    monkeypatch.setattr(
        mosaic, "noise", lambda size, purpose: (purposes.append(purpose), noise(size, purpose))[1]
    )
    run_round(mosaic, tiny.batch(student_steps=3))
    assert purposes[0] == 0 and len(purposes) == 1 + 3  # one for both, one for each student step
    assert len(set(purposes)) == 4


def test_the_student_learns_from_synthetic_and_ood_images_in_one_batch(monkeypatch):
    mosaic, batch = build("mosaic"), tiny.batch()
    seen = []
    monkeypatch.setattr(mosaic, "update_student", lambda images, *_: seen.append(images))
    run_round(mosaic, batch)
    assert len(seen) == 2
    for k, images in enumerate(seen):
        assert images.shape == (8, 8, 8, 3)
        np.testing.assert_array_equal(images[4:], batch["transfer_images"][:, k])


def test_the_generator_s_loss_is_the_weighted_sum_of_its_terms():
    config = MosaicConfig(
        local_weight=0.5, align_weight=2.0, adversarial_weight=3.0, balance_weight=7.0
    )
    mosaic = build("mosaic", config=config)
    loss = mosaic.generator_loss(generated(mosaic))
    terms = recorded(mosaic)
    expected = (
        0.5 * terms["local_patch_loss"]
        + 2.0 * terms["label_space_alignment_loss"]
        + 3.0 * terms["adversarial_loss"]
        + 7.0 * terms["class_balance_loss"]
    )
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)


@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_the_discriminator_s_gradient_has_the_local_weight_and_its_term_has_not(weight):
    # With plain SGD at rate 1 the step is the gradient, so it grows with the weight.
    steps, reports = [], []
    for local in (1.0, weight):
        mosaic = build("mosaic", config=MosaicConfig(local_weight=local))
        mosaic.discriminator_optimizer = keras.optimizers.SGD(1.0)
        mosaic.discriminator_optimizer.build(mosaic.discriminator.trainable_variables)
        weights = mosaic.discriminator.trainable_variables
        before = [variable.numpy() for variable in weights]
        mosaic.update_discriminator(PATCH_IMAGES, generated(mosaic))
        steps.append([new.numpy() - old for old, new in zip(before, weights, strict=True)])
        reports.append(recorded(mosaic)["patch_discrimination_loss"])
    for once, weighted in zip(*steps, strict=True):
        np.testing.assert_allclose(weighted, weight * once, rtol=1e-3, atol=1e-5)
    assert reports[0] == reports[1]


def test_norms_are_those_of_each_network_s_gradient():
    """Plain descent at rate 1 without momentum moves the weights by the gradient itself."""
    mosaic = build("mosaic")
    names = ("student", "generator", "discriminator")
    mosaic.compile(
        **{f"{name}_optimizer": MomentumSGD(1.0, momentum=0.0) for name in names},
        jit_compile=False,
    )
    before = {
        name: [v.numpy() for v in getattr(mosaic, name).trainable_variables] for name in names
    }
    batch = tiny.batch(student_steps=1)
    mosaic.train_step(tf.nest.map_structure(tf.constant, batch))
    for name in names:
        after = [v.numpy() for v in getattr(mosaic, name).trainable_variables]
        squares = [np.sum((a - b) ** 2) for a, b in zip(after, before[name], strict=True)]
        norm = mosaic.gradient_norms[f"gradient_norm_{name}"].result()
        np.testing.assert_allclose(float(norm), np.sqrt(np.sum(squares)), rtol=1e-3)


def test_the_same_seed_gives_the_same_rounds_and_another_seed_others():
    one, same, other = (run_round(build("mosaic", seed=seed)) for seed in (5, 5, 6))
    assert one == pytest.approx(same, rel=1e-5)
    assert all(one[name] != other[name] for name in TERMS)


def test_a_round_differs_from_the_one_before_on_the_same_images():
    mosaic = build("mosaic")
    first, second = run_round(mosaic), run_round(mosaic)
    assert all(first[name] != second[name] for name in TERMS)


def test_a_restored_distiller_continues_as_if_it_had_never_stopped(tmp_path):
    whole, stopped, resumed = (build("mosaic") for _ in range(3))
    run_round(whole)
    run_round(stopped)
    path = tf.train.Checkpoint(**stopped.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    assert run_round(resumed) == pytest.approx(run_round(whole), rel=1e-5)
    assert set(whole.state()) == {
        *("rounds", "means"),
        *("student", "generator", "discriminator"),
        *("student_optimizer", "generator_optimizer", "discriminator_optimizer"),
    }


def test_generator_and_discriminator_have_the_published_optimizers():
    mosaic = MosaicDistiller(**tiny.plain_networks())
    mosaic.compile()
    assert mosaic.optimizers == [
        mosaic.student_optimizer,
        mosaic.generator_optimizer,
        mosaic.discriminator_optimizer,
    ]
    for optimizer in mosaic.optimizers[1:]:
        assert isinstance(optimizer, keras.optimizers.Adam)
        np.testing.assert_allclose(float(optimizer.learning_rate), 1e-3, rtol=1e-6)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
