"""Reactions to divergence: a training is stopped, rolled back or continued."""

import os
import signal

import keras
import pytest
import tensorflow as tf

from mosaickd_tf.errors import Interrupted, RunError
from mosaickd_tf.training import optimizers
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from tests.training.fakes import Counter, Killed, raise_at, rounds_recorded, run, saved


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
    """A counter whose term is not finite from a round on, unless its rate is below a limit."""

    def __init__(self, wrong_from=5, stable_below=0.03):
        super().__init__()
        self.wrong_from, self.stable_below = wrong_from, stable_below
        self.student_optimizer = MomentumSGD(CosineOverRounds(0.1, 1000))
        self.generator_optimizer = gan_adam(0.2)
        self.optimizers = [self.student_optimizer, self.generator_optimizer]
        for optimizer in self.optimizers:
            optimizer.build([keras.Variable([1.0])])
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


def test_the_error_names_the_training_and_the_advice_of_its_plan(tmp_path):
    advice = {"unit": "step", "remedy": "Lower `rate`"}
    with pytest.raises(RunError) as caught:
        run(Counter(nan_from=3), tmp_path, name="teacher", **advice)
    assert str(caught.value) == (
        "teacher, step 3: the adversarial_loss became nan. The checkpoint of step 2 is intact. "
        "Lower `rate`"
    )


def test_stop_names_round_term_and_the_checkpoint_that_is_intact(tmp_path):
    with pytest.raises(RunError) as caught:
        run(Diverging(), tmp_path, checkpoint_every=2)
    message = str(caught.value)
    assert message.startswith("Round 5: the adversarial_loss became inf. The checkpoint of round 4")
    assert "`on_divergence`" in message


def test_rollback_goes_back_with_half_of_all_rates_until_it_is_stable(tmp_path, caplog):
    distiller = Diverging()
    progress = run(distiller, tmp_path, rounds=8, evaluate_every=2, on_divergence="rollback")
    assert progress.step == distiller.count.numpy() == 8
    assert distiller.trained == [0, 1, 2, 3, 4, 4, 4, 5, 6, 7]
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
    """Checkpoints written since are not used."""
    distiller = Diverging(wrong_from=100)
    diversities = {0: 0.0, 4: 0.9, 8: 0.0}  # by round 8 the student has collapsed

    def evaluate(step):
        if optimizers.peak(distiller.student_optimizer) < 0.1:
            return {"prediction_diversity": 0.9}
        return {"prediction_diversity": diversities[step]}

    plan = {"rounds": 12, "evaluate_every": 4, "checkpoint_every": 1}
    progress = run(distiller, tmp_path, evaluate, on_divergence="rollback", **plan)
    assert distiller.trained == [*range(8), *range(4, 12)]
    assert [event["term"] for event in progress.events] == ["prediction_diversity"]
    assert rounds_recorded(tmp_path) == [0, 4, 8, 12]


def test_rollback_has_round_0_to_go_back_to(tmp_path):
    distiller = Diverging(wrong_from=1)
    run(distiller, tmp_path, on_divergence="rollback", rounds=3)
    assert distiller.trained == [0, 0, 0, 1, 2]


def test_rollback_gives_up_after_three_times(tmp_path):
    distiller = Diverging(stable_below=0.0)
    with pytest.raises(RunError, match="became inf after 3 rollbacks"):
        run(distiller, tmp_path, on_divergence="rollback")
    assert distiller.trained == [0, 1, 2, 3, 4, 4, 4, 4]
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


def test_skip_logs_a_collapse_and_continues(tmp_path, caplog):
    def evaluate(step):
        return {"prediction_diversity": 0.0 if step in (0, 4) else 0.9}

    progress = run(Counter(), tmp_path, evaluate, on_divergence="skip")
    assert progress.step == 6
    assert [(e["round"], e["done"]) for e in progress.events] == [(4, "went on")]
    assert "Round 4: the student collapsed to one class" in caplog.text
    assert rounds_recorded(tmp_path) == [0, 1, 2, 3, 4, 5, 6]


def test_skip_records_how_many_updates_were_skipped_and_ends_when_all_are(tmp_path):
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
    assert "The checkpoint of round 2 is intact" in str(caught.value)


def test_what_is_not_finite_is_not_saved_by_the_clock(tmp_path):
    plan = {"evaluate_every": 100, "checkpoint_every": 100, "checkpoint_minutes": 1e-9}
    with pytest.raises(RunError):
        run(Counter(nan_from=3), tmp_path, **plan)
    assert saved(tmp_path) == 2
