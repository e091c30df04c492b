"""The training loop: it resumes where it stopped, records, and stops in order."""

import dataclasses
import itertools
import signal

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import models
from mosaickd_tf.data import streams
from mosaickd_tf.errors import Interrupted
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.training import Plan, Progress, train
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from tests import tiny
from tests.training.fakes import (
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

# Resuming a real distillation


def tiny_classifier():
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Conv2D(4, 3, strides=2, use_bias=False)(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(hidden))
    return models.training_copy(keras.Model(inputs, outputs))


def mosaic(teacher, seed):
    """MosaicKD with networks that are traced quickly, all rates on a schedule."""
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


def train_mosaic(distiller, folder, evaluate=lambda step: {}, **planned):
    def batches(start_round):
        return streams.rounds(
            IMAGES, batch_size=4, student_steps=2, seed=5, start_round=start_round
        )

    options = {"rounds": 4, "evaluate_every": 1, "checkpoint_every": 2} | planned
    return train(distiller, batches, Plan(batch_size=4, **options), folder, evaluate)


def variables(distiller):
    owners = [getattr(distiller, name) for name in ("teacher", *distiller.networks)]
    owners += [getattr(distiller, f"{name}_optimizer") for name in distiller.networks]
    return [v for owner in owners for v in owner.variables] + [distiller.rounds_completed]


def values(distiller):
    return [variable.numpy() for variable in variables(distiller)]


def test_a_resumed_distillation_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    teacher = tiny_classifier()
    first = mosaic(teacher, seed=1)
    start = values(first)
    train_mosaic(first, tmp_path / "whole")
    wanted = values(first)
    for variable, value in zip(variables(first), start, strict=True):
        variable.assign(value)
    with pytest.raises(Killed):  # after round 3, so from the checkpoint of round 2
        train_mosaic(first, tmp_path / "cut", raise_at(3, Killed))
    assert first.rounds_completed.numpy() == 3
    assert not tiny.same_bits(wanted, values(first))
    second = mosaic(teacher, seed=2)  # everything but the teacher comes from the checkpoint
    assert train_mosaic(second, tmp_path / "cut").step == 4
    assert tiny.same_bits(wanted, values(second))
    assert len(wanted) > 60
    rows = [read_rows(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut")]
    for row in rows[0] + rows[1]:
        row.pop("images_per_second", None)
    assert rows[1][3].pop("resumed_from") == 2  # the first after it resumed
    assert rows[0] == rows[1]
    assert set(rows[0][-1]) == {"round", *(term.name for term in first.method.terms)}


def test_several_rounds_in_a_call_are_the_same_rounds_bit_for_bit(tmp_path):
    teacher, wanted = tiny_classifier(), None
    for in_a_call in (1, 2):
        distiller = mosaic(teacher, seed=1)
        distiller.compile(
            student_optimizer=MomentumSGD(CosineOverRounds(0.1, 4, 2), l2=1e-4),
            steps_per_execution=in_a_call,
        )
        folder = tmp_path / str(in_a_call)
        train_mosaic(distiller, folder, evaluate_every=2, rounds_per_call=in_a_call)
        assert rounds_recorded(folder) == [0, 2, 4]
        wanted = wanted or values(distiller)
    assert tiny.same_bits(wanted, values(distiller))


# Metrics


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
def test_the_rows_have_no_gap_or_duplicate_after_resuming_from_an_earlier_checkpoint(
    tmp_path, killed_at, left
):
    with pytest.raises(Killed):
        run(Counter(), tmp_path, raise_at(killed_at, Killed), checkpoint_every=2)
    assert rounds_recorded(tmp_path) == left
    again = Counter()
    run(again, tmp_path, checkpoint_every=2)
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3, 4, 5, 6]
    start = (killed_at - 1) // 2 * 2
    assert again.trained == list(range(start, 6))
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


def test_a_finished_training_trains_nothing_more(tmp_path):
    run(Counter(), tmp_path)
    again = Counter()
    progress = run(again, tmp_path, raise_at(0, Killed))
    assert progress.step == 6
    assert again.trained == []
    assert again.count.numpy() == 6


def test_seconds_add_up_over_processes(tmp_path):
    with pytest.raises(Killed):
        run(Counter(), tmp_path, raise_at(4, Killed))
    before = Checkpoints(tmp_path / "checkpoints", {}).progress()["seconds"]
    assert 0 < before < run(Counter(), tmp_path).seconds


def test_the_first_row_after_resuming_has_the_round_it_resumed_from(tmp_path, caplog):
    with pytest.raises(Killed):
        run(Counter(), tmp_path, raise_at(4, Killed), checkpoint_every=2)
    with caplog.at_level("INFO", "mosaickd_tf"):
        run(Counter(), tmp_path, checkpoint_every=2)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row.get("resumed_from") for row in rows] == [None, None, None, 2, None, None, None]
    assert any("resuming from round 2 of 6" in message for message in caplog.messages)


def test_a_training_that_is_not_evaluated_records_its_terms_alone(tmp_path):
    run(Counter(), tmp_path, None, evaluate_every=3)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row.pop("round") for row in rows] == [3, 6]
    assert {name for row in rows for name in row} == {"adversarial_loss", "images_per_second"}


def test_metrics_are_reset_at_evaluations_or_as_often_as_planned(tmp_path):
    class Resetting(Counter):
        def __init__(self):
            super().__init__()
            self.reset = []

        def reset_metrics(self):
            self.reset.append(int(self.count))

    for average_over, expected in ((None, [3, 6]), (2, [2, 4, 6])):
        trainable = Resetting()
        run(trainable, tmp_path / f"{average_over}", evaluate_every=3, average_over=average_over)
        assert trainable.reset == expected


def test_rows_of_a_checkpoint_of_version_0_1_0_get_the_names_of_this_one(tmp_path):
    """As that version wrote it: the state has the same keys, the rows their former names."""
    trainable = Counter()
    trainable.count.assign(2)
    progress = dataclasses.asdict(Progress(step=2, seconds=1.0))
    row = {"round": 2, "student_variety": 0.5, "agreement_at_hand": 0.75}
    Checkpoints(tmp_path / "checkpoints", trainable.state()).save(progress | {"rows": [row]})
    again = Counter()
    run(again, tmp_path)
    assert again.trained == [2, 3, 4, 5]
    assert read_rows(tmp_path / "metrics.jsonl")[0] == {
        "round": 2,
        "prediction_diversity": 0.5,
        "unlabeled_agreement": 0.75,
    }


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
def test_a_signal_stops_after_a_checkpoint_from_which_the_run_resumes(tmp_path, number):
    with pytest.raises(Interrupted) as caught:
        run(Counter(), tmp_path, kill_at(3, number), checkpoint_every=100)
    assert caught.value.signal == number
    assert saved(tmp_path) == 3
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3]
    again = Counter()
    run(again, tmp_path, checkpoint_every=100)
    assert again.trained == [3, 4, 5]
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3, 4, 5, 6]


def test_a_signal_in_the_last_round_is_not_swallowed(tmp_path):
    """A baseline or an export that follows can take as long as the training."""
    with pytest.raises(Interrupted):
        run(Counter(), tmp_path, kill_at(6, signal.SIGTERM))
    assert saved(tmp_path) == 6
    assert run(Counter(), tmp_path).step == 6
