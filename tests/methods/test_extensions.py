"""Beyond the paper and ablations of it: each changes what it says and nothing else."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import ExtensionConfig, LossWeights
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import GenerativeDistiller, MosaicDistiller
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from tests import tiny
from tests.methods.test_zskt import probs64

IMAGES = np.random.RandomState(3).uniform(size=(4, *tiny.IMAGE_SHAPE)).astype("float32")
ALL = ExtensionConfig(
    statistics_weight=0.5,
    memory_size=5,
    generator_restart_every=2,
    generator_steps_per_round=2,
    conditional_weight=1.0,
    adversarial_warmup=3,
)


def distiller(jit_compile=False, wanted=(), **arguments):
    """A compiled distiller of plain players; the generator takes 6 numbers, 5 may be a class."""
    tiny.seed_weights(0)
    extensions = wanted or ExtensionConfig()
    made = MosaicDistiller(**tiny.plain_players(), extensions=extensions, **arguments)
    made.compile(student_optimizer=MomentumSGD(0.05), jit_compile=jit_compile)
    return made


def batch(number=0, **arguments):
    return tf.nest.map_structure(tf.constant, tiny.batch(number, **arguments))


def play(made, rounds):
    """Rounds in one graph; the terms of the last."""
    step = tiny.compiled(made)
    for _ in range(rounds):
        made.reset_metrics()
        terms = step(batch(int(made.rounds_played), student_steps=1))
    assert step.experimental_get_tracing_count() == 1
    return {name: float(value) for name, value in terms.items()}


def as_bytes(images):
    return [np.round(image * 255).astype("uint8").tobytes() for image in np.asarray(images)]


def iterations(made, player):
    return int(getattr(made, f"{player}_optimizer").iterations)


# All together.


def test_without_extensions_nothing_is_reported_or_kept_for_them():
    made = distiller()
    assert tuple(made.trackers) == MosaicDistiller.terms
    assert not {"memory", "generator_start"} & set(made.state())


def test_a_restored_distiller_plays_on_as_if_it_had_never_stopped(tmp_path):
    whole, stopped, resumed = (distiller(wanted=ALL) for _ in range(3))
    expected = play(whole, 4)  # over a restart and the end of the ring
    play(stopped, 3)
    for variable in resumed.generator.variables:  # as if it had been built from another seed
        variable.assign(variable + 1.0)
    path = tf.train.Checkpoint(**stopped.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    assert play(resumed, 1) == pytest.approx(expected, rel=1e-5)
    again, never_stopped = play(resumed, 1), play(whole, 1)  # restarts
    assert again == pytest.approx(never_stopped, rel=1e-5)


@pytest.mark.slow  # XLA takes its time to compile a round
def test_xla_plays_the_rounds_that_plain_graphs_play():
    plain, compiled = (play(distiller(jit, ALL), 4) for jit in (False, True))
    assert compiled == pytest.approx(plain, rel=1e-3, abs=1e-4)


# One by one.


def test_statistics_of_the_teacher_join_the_generator_s_loss():
    plain, made = distiller(), distiller(wanted=ExtensionConfig(statistics_weight=2.0))
    norm = made.teacher.layers[1]
    rows = made.teacher.layers[0](IMAGES).numpy().reshape(-1, 4)
    distance = np.linalg.norm(rows.mean(0) - norm.moving_mean.numpy()) + np.linalg.norm(
        rows.var(0) - norm.moving_variance.numpy()
    )
    extra = made.generator_loss(IMAGES) - plain.generator_loss(IMAGES)
    np.testing.assert_allclose(extra, 2.0 * distance, rtol=1e-4)
    np.testing.assert_allclose(made.trackers["statistics_loss"].result(), distance, rtol=1e-4)


def test_the_class_asked_for_joins_the_generator_s_loss():
    plain, made = distiller(), distiller(wanted=ExtensionConfig(conditional_weight=3.0))
    made.rounds_played.assign(2)
    p = probs64(made.teacher(IMAGES, training=False))
    expected = -3.0 * np.log(p[np.arange(4), [3, 4, 0, 1]]).mean()  # 2 rounds of 4, 5 classes
    extra = made.generator_loss(IMAGES) - plain.generator_loss(IMAGES)
    np.testing.assert_allclose(extra, expected, rtol=1e-4)


def test_the_generator_is_told_the_class_behind_the_noise():
    made = distiller(wanted=ExtensionConfig(conditional_weight=1.0))
    assert made.noise_dim == 1
    made.generator = keras.Sequential([keras.Input((6,)), keras.layers.Identity()])
    told = made.synthesize(7).numpy()
    np.testing.assert_array_equal(told[:, 1:], np.eye(5)[[0, 1, 2, 3, 4, 0, 1]])
    assert len(np.unique(told[:, 0])) == 7
    np.testing.assert_array_equal(made.samples(6).numpy()[:, 1:], np.eye(5)[[0, 1, 2, 3, 4, 0]])


def test_a_generator_without_room_for_a_class_is_refused():
    players = tiny.plain_players()
    players["generator"] = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(192), keras.layers.Reshape(tiny.IMAGE_SHAPE)]
    )
    with pytest.raises(RequestError, match="beside 5 classes. Received: 0"):
        MosaicDistiller(**players, extensions=ExtensionConfig(conditional_weight=1.0))


def test_half_of_the_student_s_synthetic_images_are_remembered_ones(monkeypatch):
    made, seen = distiller(wanted=ExtensionConfig(memory_size=50)), []
    monkeypatch.setattr(made, "update_student", lambda images: seen.append(images.numpy()))
    for number in range(6):
        made.train_step(batch(number))
    assert all(images.shape == (8, *tiny.IMAGE_SHAPE) for images in seen)
    assert int(made.memory.written) == 6 * 2  # the fresh half of the first update of each round
    kept = as_bytes(made.memory.latest(12))
    replayed = [key for images in seen for key in as_bytes(images[2:4])]
    assert set(replayed) <= set(kept)
    from_before = [key for images in seen[-2:] for key in as_bytes(images[2:4])]
    assert not set(from_before) <= set(kept[:2])  # the newest two are of the last round
    fresh_later = {key for images in seen[1::2] for key in as_bytes(images[:2])}
    assert not fresh_later & set(kept)


def test_the_generator_starts_anew_in_its_turn_and_its_optimizer_with_it():
    made = distiller(wanted=ExtensionConfig(generator_restart_every=2))
    made.generator_optimizer = gan_adam(CosineOverRounds(1e-3, 10))
    made.generator_optimizer.build(made.generator.trainable_variables)
    first = tiny.values(made.generator)
    restarted = []
    for _ in range(5):
        before = iterations(made, "generator")
        made._restart_generator_if_due()
        restarted.append(before > 0 and iterations(made, "generator") == 0)
        if restarted[-1]:
            assert tiny.same_bits(first, tiny.values(made.generator))
            assert not any(np.any(v) for v in made.generator_optimizer.variables)
            assert float(made.generator_optimizer.learning_rate) == pytest.approx(1e-3)
        made.update_generator(4)
        assert not tiny.same_bits(first, tiny.values(made.generator))
        made.end_round()
    assert restarted == [False, False, True, False, True]


def test_further_steps_of_the_generator_have_noise_of_their_own(monkeypatch):
    made = distiller(wanted=ExtensionConfig(generator_steps_per_round=3))
    purposes, synthesize = [], made.synthesize
    monkeypatch.setattr(
        made,
        "synthesize",
        lambda size, purpose=0: (purposes.append(purpose), synthesize(size, purpose))[1],
    )
    made.train_step(batch())
    assert len(purposes) == len(set(purposes)) == 3 + tiny.STUDENT_STEPS
    counted = [iterations(made, player) for player in ("generator", "discriminator", "student")]
    assert counted == [3, 1, tiny.STUDENT_STEPS]


def test_the_adversarial_weight_rises_in_proportion_to_the_rounds():
    weights = LossWeights(adversarial=2.0)
    made = distiller(wanted=ExtensionConfig(adversarial_warmup=10), loss_weights=weights)
    risen, reported = [], []
    for number in (0, 5, 10, 30):
        made.rounds_played.assign(number)
        made.reset_metrics()
        risen.append(float(made.generator_loss(IMAGES)))
        reported.append(float(made.trackers["adversarial_loss"].result()))
    np.testing.assert_allclose(reported, reported[0], rtol=1e-5)  # without the weight
    steps = np.array(risen) - risen[0]
    np.testing.assert_allclose(steps, reported[0] * np.array([0, 1, 2, 2]), rtol=1e-2, atol=1e-5)


def test_methods_without_a_discriminator_can_go_beyond_their_papers_too():
    class Blank(GenerativeDistiller):
        """Nothing but the extensions."""

        terms = ("distillation_loss",)

        def generator_terms(self, synthetic_images, teacher):
            return {}

    tiny.seed_weights(0)
    made = Blank(**tiny.data_free_players(), extensions=ALL)
    made.compile(jit_compile=False)
    assert set(play(made, 3)) == {"distillation_loss", "statistics_loss", "classification_loss"}
    assert iterations(made, "generator") == 2  # since the restart in the third round


# Ablations.


@pytest.mark.parametrize("term", ["align", "balance", "adversarial"])
def test_a_term_of_weight_0_is_not_computed(term, monkeypatch):
    name = {"align": "label_space_alignment", "balance": "class_balance"}.get(term, term)
    monkeypatch.setattr(losses, f"{name}_loss", None)
    made = distiller(loss_weights=LossWeights(**{term: 0.0}))
    before = tiny.values(made.student)
    loss = made.generator_loss(IMAGES)
    others = [float(x.result()) for x in made.trackers.values()]
    assert np.isfinite(float(loss)) and np.count_nonzero(others) == 3
    assert tiny.same_bits(before, tiny.values(made.student)) is (term == "adversarial")


def test_a_generator_of_which_nothing_is_asked_is_refused():
    made = distiller(loss_weights=LossWeights(local=0, align=0, adversarial=0, balance=0))
    with pytest.raises(RequestError, match="weight above 0 of one of: .*adversarial_loss"):
        made.generator_loss(IMAGES)


@pytest.mark.parametrize("kind", ["synthetic", "ood"])
def test_of_one_kind_alone_the_student_sees_as_many_images_as_of_both(kind, monkeypatch):
    made, seen, judged = distiller(student_images=kind), [], []
    given = batch(batch_size=4 * made.transfer_factor)
    update = made._update_discriminator_and_generator
    monkeypatch.setattr(made, "update_student", seen.append)
    monkeypatch.setattr(
        made, "_update_discriminator_and_generator", lambda x: (judged.append(x), update(x))
    )
    made.train_step(given)
    np.testing.assert_array_equal(judged[0], given["patch_images"][:4])
    assert [x.shape for x in seen] == [(8, *tiny.IMAGE_SHAPE)] * 2
    for k, images in enumerate(seen):
        if kind == "ood":
            np.testing.assert_array_equal(images, given["transfer_images"][:, k])
        else:
            assert len(set(as_bytes(images))) == 8
            assert not set(as_bytes(images)) & set(as_bytes(given["transfer_images"][:, k]))
