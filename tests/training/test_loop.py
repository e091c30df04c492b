"""The outer loop: it goes on where it stopped, selects, records, and stops in order."""

import itertools
import os
import re
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tqdm import tqdm

from mosaickd_tf import models, optimizers
from mosaickd_tf.checkpoints import Checkpoints
from mosaickd_tf.data import pipelines
from mosaickd_tf.errors import Interrupted, RunError
from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from mosaickd_tf.record import read_rows
from mosaickd_tf.training import Plan, Progress, loop, train
from tests import tiny

IMAGES = np.random.RandomState(0).randint(0, 256, (10, 8, 8, 3), "uint8")


class Killed(BaseException):
    """Stands for what ends a process at once."""


class Counter:
    """A distiller whose rounds cost nothing: its state is how many were played."""

    def __init__(self, nan_from=None):
        self.count = tf.Variable(0)
        self.played = []
        self.nan_from = nan_from
        self.players = ()
        self.gradient_norms = {}
        self.skipped_updates = 0

    def state(self):
        return {"count": self.count}

    def make_train_function(self, force=False):
        pass

    def train_function(self, batches):
        self.played.append(next(batches))
        self.count.assign_add(1)
        is_nan = self.nan_from is not None and self.count.numpy() >= self.nan_from
        return {"adversarial_loss": float("nan") if is_nan else 0.5}

    def reset_metrics(self):
        pass


class Killing(Counter):
    """One that is killed in a round."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def train_function(self, batches):
        if int(self.count) + 1 == self.at:
            raise Killed
        return super().train_function(batches)


def run(distiller, folder, evaluate=lambda step: {}, **plan):
    plan = {"rounds": 6, "evaluate_every": 1, "checkpoint_every": 1} | plan
    return train(distiller, itertools.count, Plan(images_per_round=4, **plan), folder, evaluate)


def saved(folder, name="last"):
    """The count of rounds in the state of a checkpoint, or None when there is none."""
    count = tf.Variable(-1)
    progress = Checkpoints(folder / "checkpoints", {"count": count}).restore(name)
    return None if progress is None else int(count.numpy())


def rounds_recorded(folder):
    return [row["round"] for row in read_rows(folder / "metrics.jsonl")]


def raise_at(step, error):
    def evaluate(played):
        if played == step:
            raise error
        return {}

    return evaluate


def kill_at(step, number):
    def evaluate(played):
        if played == step:
            os.kill(os.getpid(), number)
        return {"accuracy": played / 10}

    return evaluate


# Resuming a real game


def tiny_classifier():
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Conv2D(4, 3, strides=2, use_bias=False)(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(hidden))
    return models.fast_copy(keras.Model(inputs, outputs))


def game(teacher, seed):
    """MosaicKD with players that are traced quickly, all rates on a schedule."""
    keras.utils.set_random_seed(seed)
    distiller = MosaicDistiller(
        teacher=teacher,
        student=tiny_classifier(),
        generator=models.fast_copy(
            models.build_generator(image_size=8, noise_dim=6, base_filters=2)
        ),
        discriminator=models.fast_copy(
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


def play(distiller, folder, evaluate=lambda step: {}):
    def batches(start_round):
        return pipelines.rounds(
            IMAGES, batch_size=4, student_steps=2, seed=5, start_round=start_round
        )

    plan = Plan(rounds=4, evaluate_every=1, checkpoint_every=2, images_per_round=4)
    return train(distiller, batches, plan, folder, evaluate)


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
        Plan(rounds=4, evaluate_every=2, checkpoint_every=2, images_per_round=4),
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


def test_the_accuracy_is_in_the_progress_bar_after_the_first_evaluation(tmp_path, monkeypatch):
    told = []

    class Bar(tqdm):
        def set_postfix_str(self, s="", refresh=True):
            told.append(s)

    monkeypatch.setattr(loop, "tqdm", Bar)
    run(
        Counter(),
        tmp_path,
        lambda step: {"validation_accuracy": step / 100, "validation_agreement": 0.75},
        rounds=30,
        evaluate_every=15,
        checkpoint_every=30,
    )
    first, *others = (re.sub(r"^images/s [^ ]+  ", "", line) for line in told)
    assert first == "adv 0.5"
    assert others == ["accuracy 0.15  agreement 0.75  adv 0.5"] * 2


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


# Divergence


@pytest.mark.parametrize("evaluate_every, checkpoint_every", [(1, 1), (2, 2), (100, 3), (100, 1)])
def test_a_term_that_is_not_finite_stops_the_run_and_spoils_no_checkpoint(
    tmp_path, evaluate_every, checkpoint_every
):
    with pytest.raises(RunError, match="adversarial_loss became nan") as caught:
        run(
            Counter(nan_from=5),
            tmp_path,
            rounds=12,
            evaluate_every=evaluate_every,
            checkpoint_every=checkpoint_every,
        )
    assert len(str(caught.value).splitlines()) == 1
    assert saved(tmp_path) == 4 // checkpoint_every * checkpoint_every
    assert all("NaN" not in line for line in (tmp_path / "metrics.jsonl").read_text().splitlines())


def test_a_signal_does_not_save_a_state_that_is_not_finite(tmp_path):
    class Stopped(Counter):
        def train_function(self, batches):
            if self.count.numpy() == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().train_function(batches)

    with pytest.raises(Interrupted):
        run(Stopped(nan_from=5), tmp_path, evaluate_every=100, checkpoint_every=2)
    assert saved(tmp_path) == 4


class Diverging(Counter):
    """Its term is wrong from a round on, unless the student's rate is below a limit."""

    def __init__(self, wrong_from=5, stable_below=0.03):
        super().__init__()
        self.wrong_from, self.stable_below = wrong_from, stable_below
        self.players = ("student", "generator")
        self.student = keras.Variable([1.0])
        self.student_optimizer = MomentumSGD(CosineOverRounds(0.1, 1000))
        self.generator_optimizer = gan_adam(0.2)
        for name in self.players:
            getattr(self, f"{name}_optimizer").build([self.student])
        self.traced = 0

    def state(self):
        return {"count": self.count, "generator_optimizer": self.generator_optimizer}

    def make_train_function(self, force=False):
        self.traced += 1

    def train_function(self, batches):
        super().train_function(batches)
        is_wrong = optimizers.peak(self.student_optimizer) > self.stable_below
        is_wrong = is_wrong and self.count.numpy() >= self.wrong_from
        return {"adversarial_loss": float("inf") if is_wrong else 0.5}


def test_stop_names_round_term_and_the_checkpoint_that_is_intact(tmp_path):
    with pytest.raises(RunError) as caught:
        run(Diverging(), tmp_path, checkpoint_every=2)
    message = str(caught.value)
    assert message.startswith("Round 5: the adversarial_loss became inf. That of round 4 is intact")
    assert "--on_divergence" in message


def test_rollback_goes_back_with_half_of_all_rates_until_it_is_stable(tmp_path, caplog):
    distiller = Diverging()
    progress = run(distiller, tmp_path, rounds=8, evaluate_every=2, on_divergence="rollback")
    assert progress.step == distiller.count.numpy() == 8
    assert distiller.played == [0, 1, 2, 3, 4, 4, 4, 5, 6, 7]
    assert optimizers.peak(distiller.student_optimizer) == pytest.approx(0.025)
    assert optimizers.peak(distiller.generator_optimizer) == pytest.approx(0.05)
    assert distiller.traced == 3
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [(row["round"], row.get("rollbacks")) for row in rows] == [
        (0, None),
        (2, None),
        (4, None),
        (6, 2),
        (8, 2),
    ]
    assert progress.rollbacks == 2
    assert [(e["round"], e["term"]) for e in progress.events] == [(5, "adversarial_loss")] * 2
    assert "went back to round 4" in progress.events[0]["done"]
    assert "Round 5: the adversarial_loss became inf; went back to round 4" in caplog.text


def test_rollback_goes_to_a_checkpoint_that_an_evaluation_found_good(tmp_path):
    """Not to one written since, which nobody has looked at."""
    distiller = Diverging(wrong_from=100)
    varieties = {0: 0.0, 4: 0.9, 8: 0.0}  # by round 8 the student has fallen into one class

    def evaluate(step):
        if optimizers.peak(distiller.student_optimizer) < 0.1:
            return {"student_variety": 0.9}
        return {"student_variety": varieties[step]}

    plan = {"rounds": 12, "evaluate_every": 4, "checkpoint_every": 1}
    progress = run(distiller, tmp_path, evaluate, on_divergence="rollback", **plan)
    assert distiller.played == [*range(8), *range(4, 12)]
    assert [event["term"] for event in progress.events] == ["student_variety"]
    assert rounds_recorded(tmp_path) == [0, 4, 8, 12]


def test_rollback_has_round_0_to_go_back_to(tmp_path):
    distiller = Diverging(wrong_from=1)
    run(distiller, tmp_path, on_divergence="rollback", rounds=3)
    assert distiller.played == [0, 0, 0, 1, 2]


def test_rollback_gives_up_after_three_times(tmp_path):
    distiller = Diverging(stable_below=0.0)
    with pytest.raises(RunError, match="became inf after 3 rollbacks"):
        run(distiller, tmp_path, on_divergence="rollback")
    assert distiller.played == [0, 1, 2, 3, 4, 4, 4, 4]
    assert saved(tmp_path) == 4


@pytest.mark.parametrize("killed_at", [5, 6, 7])
def test_a_kill_after_a_rollback_changes_nothing(tmp_path, killed_at):
    plan = {"rounds": 8, "evaluate_every": 1, "checkpoint_every": 3, "on_divergence": "rollback"}
    whole = Diverging()
    wanted = run(whole, tmp_path / "whole", **plan)
    with pytest.raises(Killed):
        run(Diverging(), tmp_path / "cut", raise_at(killed_at, Killed), **plan)
    again = Diverging()
    progress = run(again, tmp_path / "cut", **plan)
    for name in ("student", "generator"):
        rates = [optimizers.peak(getattr(d, f"{name}_optimizer")) for d in (whole, again)]
        assert rates[0] == rates[1]
    assert (progress.rollbacks, progress.events) == (wanted.rollbacks, wanted.events)
    spared = ("images_per_second", "resumed_from")
    rows = [
        [{n: v for n, v in row.items() if n not in spared} for row in read_rows(path)]
        for path in (tmp_path / name / "metrics.jsonl" for name in ("whole", "cut"))
    ]
    assert rows[0] == rows[1]


def test_skip_says_what_no_update_shows_and_goes_on(tmp_path, caplog):
    def evaluate(step):
        return {"student_variety": 0.0 if step in (0, 4) else 0.9}

    progress = run(Counter(), tmp_path, evaluate, on_divergence="skip")
    assert progress.step == 6
    assert [(e["round"], e["done"]) for e in progress.events] == [(4, "went on")]
    assert "Round 4: the student fell into one class" in caplog.text
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3, 4, 5, 6]


def test_skip_records_how_many_updates_were_left_out_and_ends_when_all_are(tmp_path):
    class Skipping(Counter):
        def train_function(self, batches):
            terms = super().train_function(batches)
            self.skipped_updates = max(0, int(self.count) - 2)
            mean = keras.metrics.Mean()
            if int(self.count) < 5:
                mean.update_state(1.0)
            self.gradient_norms = {"gradient_norm_student": mean}
            return terms

    with pytest.raises(RunError, match="Round 5: no update was finite since the last evaluation"):
        run(Skipping(), tmp_path, on_divergence="skip")
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row.get("skipped_updates") for row in rows] == [None, None, None, 1, 2]


def test_a_gradient_that_is_not_finite_is_noticed_at_the_evaluation(tmp_path):
    distiller = Counter()
    distiller.gradient_norms = {"gradient_norm_student": keras.metrics.Mean()}
    distiller.gradient_norms["gradient_norm_student"].update_state(float("nan"))
    with pytest.raises(RunError, match="Round 2: the gradient_norm_student became nan"):
        run(distiller, tmp_path, evaluate_every=2)


def test_a_state_that_is_not_finite_though_its_terms_are_is_not_saved(tmp_path):
    class Broken(Counter):
        def __init__(self):
            super().__init__()
            self.weight = tf.Variable(1.0)

        def state(self):
            return {"count": self.count, "student": self.weight}

        def train_function(self, batches):
            terms = super().train_function(batches)
            if int(self.count) == 3:
                self.weight.assign(float("nan"))
            return terms

    with pytest.raises(RunError, match="Round 4: numbers in student are not finite") as caught:
        run(Broken(), tmp_path, checkpoint_every=2)
    assert "That of round 2 is intact" in str(caught.value)


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


def test_what_is_not_finite_is_not_saved_by_the_clock(tmp_path):
    plan = {"evaluate_every": 100, "checkpoint_every": 100, "checkpoint_minutes": 1e-9}
    with pytest.raises(RunError):
        run(Counter(nan_from=3), tmp_path, **plan)
    assert saved(tmp_path) == 2


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


# Selection


def select(folder, accuracies, **plan):
    distiller = Counter()
    progress = run(
        distiller,
        folder,
        lambda step: {"validation_accuracy": accuracies[step]},
        rounds=len(accuracies) - 1,
        select_by="validation_accuracy",
        **plan,
    )
    return distiller, progress


@pytest.mark.parametrize(
    "accuracies, best",
    [
        ([0.9, 0.2, 0.7, 0.5], 2),  # the untrained student of round 0 cannot be chosen
        ([0.0, 0.6, 0.7, 0.7, 0.1], 3),  # the later of equals
        ([0.0, 0.0, 0.0], 2),
        ([0.0, 0.5, 0.4], 1),
    ],
)
def test_the_state_of_the_best_value_is_left_in_the_distiller(tmp_path, accuracies, best):
    distiller, progress = select(tmp_path, accuracies)
    assert distiller.count.numpy() == best
    assert (progress.best_step, progress.best_value) == (best, accuracies[best])
    assert progress.step == len(accuracies) - 1
    assert saved(tmp_path, "best") == best
    assert saved(tmp_path, "last") == len(accuracies) - 1


def test_the_best_of_an_earlier_process_is_remembered(tmp_path):
    with pytest.raises(Killed):
        run(
            Counter(),
            tmp_path,
            lambda step: (
                {"validation_accuracy": [0.0, 0.8, 0.1][step]}
                if step < 3
                else raise_at(3, Killed)(step)
            ),
            select_by="validation_accuracy",
        )
    distiller, progress = select(tmp_path, [None, None, None, 0.3, 0.5, 0.2])
    assert (progress.best_step, progress.best_value) == (1, 0.8)
    assert distiller.count.numpy() == 1


def test_a_finished_training_gives_its_best_again(tmp_path):
    select(tmp_path, [0.0, 0.8, 0.1])
    distiller, progress = select(tmp_path, [0.0, 0.8, 0.1])
    assert distiller.count.numpy() == progress.best_step == 1


def test_without_a_value_to_select_by_the_last_state_is_kept(tmp_path):
    distiller = Counter()
    progress = run(distiller, tmp_path, lambda step: {"ood_agreement": 1 / (step + 1)})
    assert distiller.count.numpy() == 6
    assert progress == Progress(step=6, seconds=progress.seconds)
    assert saved(tmp_path, "best") is None


def test_the_best_is_saved_between_two_checkpoints_that_are_due(tmp_path):
    distiller, _ = select(tmp_path, [0.0, 0.2, 0.9, 0.1, 0.1], checkpoint_every=100)
    assert distiller.count.numpy() == 2
