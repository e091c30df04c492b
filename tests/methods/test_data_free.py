"""The methods without any images: who moves, how a round runs, how it goes on after a stop."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import DataFreeTerms, DistillConfig
from mosaickd_tf.methods import METHODS
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny

NAMES = ("dafl", "zskt", "dfq", "deep_inversion")
WEIGHTS = DataFreeTerms(deep_inversion_steps=2, deep_inversion_bank=6)


def distiller(name, jit_compile=False, **arguments):
    """A compiled distiller of plain players, the same each time."""
    tiny.seed_weights(0)
    players = tiny.data_free_players()
    teacher, student = players["teacher"], players["student"]
    if name == "dafl":
        arguments["teacher_layers"] = (teacher.layers[3].name,)  # pooled
    if name == "zskt":
        arguments["teacher_layers"] = (teacher.layers[2].name,)  # a map
        arguments["student_layers"] = (student.layers[2].name,)
    if name == "deep_inversion":
        del players["generator"]
        arguments["batch_size"] = 4
    made = METHODS[name](**players, **{"loss_weights": WEIGHTS, "seed": 2} | arguments)
    made.compile(student_optimizer=MomentumSGD(0.05), jit_compile=jit_compile)
    return made


def play(made, rounds=1):
    """Rounds in one graph; the terms of the last."""
    step = tiny.compiled(made)
    for number in range(rounds):
        made.reset_metrics()
        terms = step(tf.nest.map_structure(tf.constant, tiny.batch(number, student_steps=1)))
    assert step.experimental_get_tracing_count() == 1
    return {name: float(value) for name, value in terms.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_round_moves_each_player_and_leaves_the_teacher_bit_for_bit(name):
    made = distiller(name)
    before = {player: tiny.values(getattr(made, player)) for player in ("teacher", *made.players)}
    terms = play(made)
    assert set(terms) == set(METHODS[name].terms)
    assert np.isfinite(list(terms.values())).all()
    moved = {
        player for player, was in before.items()
        if not tiny.same_bits(was, tiny.values(getattr(made, player)))
    }  # fmt: skip
    assert moved == set(made.players)


@pytest.mark.parametrize("name", NAMES)
def test_the_images_of_the_stream_play_no_part(name):
    terms = []
    for shade in (0.0, 1.0):
        made = distiller(name)
        black_or_white = {x: np.full_like(y, shade) for x, y in tiny.batch(student_steps=1).items()}
        terms.append({x: float(y) for x, y in made.train_step(black_or_white).items()})
    assert terms[0] == pytest.approx(terms[1], rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_distiller_plays_on_as_if_it_had_never_stopped(name, tmp_path):
    whole, stopped, resumed = (distiller(name) for _ in range(3))
    expected = play(whole, 4)  # over the end of two batches of pixels, and of the ring
    play(stopped, 3)
    path = tf.train.Checkpoint(**stopped.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    resumed.reset_metrics()
    batch = tf.nest.map_structure(tf.constant, tiny.batch(3, student_steps=1))
    terms = tf.function(resumed.train_step, autograph=False)(batch)
    assert {x: float(y) for x, y in terms.items()} == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(resumed.samples(7), whole.samples(7))


@pytest.mark.slow  # XLA takes its time to compile a round
@pytest.mark.parametrize("name", NAMES)
def test_xla_plays_the_rounds_that_plain_graphs_play(name):
    plain, compiled = (play(distiller(name, jit), 3) for jit in (False, True))
    assert compiled == pytest.approx(plain, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_the_config_reach_the_method(name):
    config = DistillConfig(data_free=WEIGHTS)
    assert METHODS[name].options(config)["loss_weights"] is WEIGHTS
