"""The outer loop: it goes on where it stopped, records, and stops in order."""

import itertools
import re
import signal

import keras
import numpy as np
import pytest
from keras import layers
from tqdm import tqdm

from mosaickd_tf import models
from mosaickd_tf.data import streams
from mosaickd_tf.errors import Interrupted
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.training import Plan, loop, train
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import format_metrics, read_rows
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from tests import tiny
from tests.training.playing import (
    Counter,
    Killed,
    Killing,
    kill_at,
    raise_at,
    rounds_recorded,
    run,
    saved,
)

IMAGES = np.random.RandomState(0).randint(0, 256, (10, 8, 8, 3), "uint8")

# Resuming a real game


def tiny_classifier():
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Conv2D(4, 3, strides=2, use_bias=False)(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(hidden))
    return models.training_copy(keras.Model(inputs, outputs))


def game(teacher, seed):
    """MosaicKD with players that are traced quickly, all rates on a schedule."""
    keras.utils.set_random_seed(seed)
    distiller = MosaicDistiller(
        teacher=teacher,
        student=tiny_classifier(),
        generator=models.training_copy(
            models.build_generator(image_size=8, noise_dim=6, base_filters=2)
        ),
        discriminator=models.training_copy(
            models.build_patch_discriminator(image_size=8, patch_size=4, base_filters=2)
        ),
        seed=5,
    )
    distiller.compile(
        student_optimizer=MomentumSGD(CosineOverRounds(0.1, 4, 2), l2=1e-4),
        generator_optimizer=gan_adam(CosineOverRounds(1e-3, 4)),
        discriminator_optimizer=gan_adam(CosineOverRounds(1e-3, 4)),
    )
    return distiller


def play(distiller, folder, evaluate=lambda step: {}, **planned):
    def batches(start_round):
        return streams.rounds(
            IMAGES, batch_size=4, student_steps=2, seed=5, start_round=start_round
        )

    options = {"rounds": 4, "evaluate_every": 1, "checkpoint_every": 2} | planned
    return train(distiller, batches, Plan(batch_size=4, **options), folder, evaluate)


def variables(distiller):
    owners = [getattr(distiller, name) for name in ("teacher", *distiller.players)]
    owners += [getattr(distiller, f"{name}_optimizer") for name in distiller.players]
    return [v for owner in owners for v in owner.variables] + [distiller.rounds_played]


def values(distiller):
    return [variable.numpy() for variable in variables(distiller)]


def test_a_resumed_game_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    teacher = tiny_classifier()
    first = game(teacher, seed=1)
    start = values(first)
    play(first, tmp_path / "whole")
    wanted = values(first)
    for variable, value in zip(variables(first), start, strict=True):
        variable.assign(value)
    with pytest.raises(Killed):  # after round 3, so from the checkpoint of round 2
        play(first, tmp_path / "cut", raise_at(3, Killed))
    assert first.rounds_played.numpy() == 3
    assert not tiny.same_bits(wanted, values(first))
    second = game(teacher, seed=2)  # everything but the teacher comes from the checkpoint
    assert play(second, tmp_path / "cut").step == 4
    assert tiny.same_bits(wanted, values(second))
    assert len(wanted) > 60
    rows = [read_rows(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut")]
    for row in rows[0] + rows[1]:
        row.pop("images_per_second", None)
    assert rows[1][3].pop("resumed_from") == 2  # the first after it went on
    assert rows[0] == rows[1]
    assert set(rows[0][-1]) == {"round", *first.terms}


def test_several_rounds_in_a_call_are_the_same_rounds_bit_for_bit(tmp_path):
    teacher, wanted = tiny_classifier(), None
    for in_a_call in (1, 2):
        distiller = game(teacher, seed=1)
        distiller.compile(
            student_optimizer=MomentumSGD(CosineOverRounds(0.1, 4, 2), l2=1e-4),
            steps_per_execution=in_a_call,
        )
        folder = tmp_path / str(in_a_call)
        play(distiller, folder, evaluate_every=2, rounds_per_call=in_a_call)
        assert rounds_recorded(folder) == [0, 2, 4]
        wanted = wanted or values(distiller)
    assert tiny.same_bits(wanted, values(distiller))


# The record


def test_there_is_a_row_before_the_first_round_and_at_each_evaluation(tmp_path):
    run(Counter(), tmp_path, lambda step: {"accuracy": step / 10}, rounds=7, evaluate_every=3)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [(row["round"], row["accuracy"]) for row in rows] == [
        (0, 0),
        (3, 0.3),
        (6, 0.6),
        (7, 0.7),
    ]
    assert rows[0].keys() == {"round", "accuracy"}
    assert rows[1].keys() == {"round", "accuracy", "adversarial_loss", "images_per_second"}
    assert rows[1]["adversarial_loss"] == 0.5


@pytest.mark.parametrize("killed_at, left", [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3])])
def test_the_record_has_no_gap_or_duplicate_after_going_on_from_an_earlier_checkpoint(
    tmp_path, killed_at, left
):
    with pytest.raises(Killed):
        run(Counter(), tmp_path, raise_at(killed_at, Killed), checkpoint_every=2)
    assert rounds_recorded(tmp_path) == left
    again = Counter()
    run(again, tmp_path, checkpoint_every=2)
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3, 4, 5, 6]
    start = (killed_at - 1) // 2 * 2
    assert again.played == list(range(start, 6))
    assert again.count.numpy() == 6


def test_what_is_observed_is_recorded_at_each_evaluation(tmp_path):
    train(
        Counter(),
        itertools.count,
        Plan(rounds=4, evaluate_every=2, checkpoint_every=2, batch_size=4),
        tmp_path,
        lambda step: {"accuracy": 0.5},
        lambda step: {"classes": [step, 1]},
    )
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [(row["accuracy"], row["classes"]) for row in rows] == [
        (0.5, [0, 1]),
        (0.5, [2, 1]),
        (0.5, [4, 1]),
    ]


def test_a_bar_with_speed_and_accuracy_and_below_it_a_line_with_the_terms(tmp_path, monkeypatch):
    above, below = [], []

    class Bar(tqdm):
        def set_postfix_str(self, s="", refresh=True):
            above.append(re.sub(r"^images/s [^ ]+", "images/s 9", s))

        def set_description_str(self, desc=None, refresh=True):
            below.append(desc)

    monkeypatch.setattr(loop, "tqdm", Bar)
    run(
        Counter(),
        tmp_path,
        lambda step: {
            "validation_accuracy": step / 100,
            "validation_agreement": 0.75,
            "prediction_diversity": 0.9,
        },
        rounds=30,
        evaluate_every=15,
        checkpoint_every=30,
    )
    assert above == ["images/s 9", *["images/s 9  accuracy 0.15  agreement 0.75"] * 2]
    assert below == ["adv 0.5", *["adv 0.5  variety 0.9"] * 2]


def test_bar_and_terms_fit_a_terminal_of_80_columns():
    """The values are those of a long game with a term more than the paper's."""
    values = {
        "images_per_second": 40.1,
        "validation_accuracy": 0.962,
        "validation_agreement": 0.962,
    }
    terms = {
        "patch_discrimination_loss": 42,
        "local_patch_loss": 49.9,
        "label_space_alignment_loss": 2.83,
        "adversarial_loss": -1.18,
        "class_balance_loss": -6.13,
        "distillation_loss": 1.21,
        "statistics_loss": 16.5,
    }
    line = tqdm.format_meter(
        n=300,
        total=3000,
        elapsed=600,
        prefix="mosaic",
        postfix=format_metrics(values),
        bar_format=loop.BAR,
        ncols=80,
    )
    assert line.startswith("mosaic 300/3000 |") and "| 1:30:00 left, images/s 40.1 " in line
    assert line.endswith("accuracy 0.962  agreement 0.962") and len(format_metrics(terms)) <= 80


def test_a_finished_training_plays_nothing_more(tmp_path):
    run(Counter(), tmp_path)
    again = Counter()
    progress = run(again, tmp_path, raise_at(0, Killed))
    assert progress.step == 6
    assert again.played == []
    assert again.count.numpy() == 6


def test_seconds_add_up_over_processes(tmp_path):
    with pytest.raises(Killed):
        run(Counter(), tmp_path, raise_at(4, Killed))
    before = Checkpoints(tmp_path / "checkpoints", {}).progress()["seconds"]
    assert 0 < before < run(Counter(), tmp_path).seconds


def test_the_first_row_after_going_on_says_from_which_round(tmp_path, caplog):
    with pytest.raises(Killed):
        run(Counter(), tmp_path, raise_at(4, Killed), checkpoint_every=2)
    with caplog.at_level("INFO", "mosaickd_tf"):
        run(Counter(), tmp_path, checkpoint_every=2)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row.get("resumed_from") for row in rows] == [None, None, None, 2, None, None, None]
    assert any("going on from round 2 of 6" in message for message in caplog.messages)


# By the clock


def test_a_checkpoint_is_due_after_minutes_whatever_the_round(tmp_path):
    plan = {"evaluate_every": 100, "checkpoint_every": 100}
    with pytest.raises(Killed):
        run(Killing(at=4), tmp_path / "by minutes", checkpoint_minutes=1e-9, **plan)
    assert saved(tmp_path / "by minutes") == 3
    with pytest.raises(Killed):
        run(Killing(at=4), tmp_path / "never", checkpoint_minutes=0, **plan)
    assert saved(tmp_path / "never") is None


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_a_checkpoint_from_which_the_run_goes_on(tmp_path, number):
    with pytest.raises(Interrupted) as caught:
        run(Counter(), tmp_path, kill_at(3, number), checkpoint_every=100)
    assert caught.value.signal == number
    assert saved(tmp_path) == 3
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3]
    again = Counter()
    run(again, tmp_path, checkpoint_every=100)
    assert again.played == [3, 4, 5]
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3, 4, 5, 6]


def test_a_signal_in_the_last_round_is_not_swallowed(tmp_path):
    """What follows, a baseline or an export, can take as long as the training."""
    with pytest.raises(Interrupted):
        run(Counter(), tmp_path, kill_at(6, signal.SIGTERM))
    assert saved(tmp_path) == 6
    assert run(Counter(), tmp_path).step == 6
