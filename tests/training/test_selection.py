"""The state of the best value is what a training leaves."""

import pytest

from mosaickd_tf.training import Progress
from tests.training.fakes import Counter, Killed, raise_at, run, saved


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
    progress = run(distiller, tmp_path, lambda step: {"unlabeled_agreement": 1 / (step + 1)})
    assert distiller.count.numpy() == 6
    assert progress == Progress(step=6, seconds=progress.seconds)
    assert saved(tmp_path, "best") is None


def test_the_best_is_saved_between_two_checkpoints_that_are_due(tmp_path):
    distiller, _ = select(tmp_path, [0.0, 0.2, 0.9, 0.1, 0.1], checkpoint_every=100)
    assert distiller.count.numpy() == 2
