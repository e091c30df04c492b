"""Where a training stands."""

import dataclasses
import json

from mosaickd_tf.training.plan import Progress


def test_a_value_is_the_best_if_none_before_was_better():
    progress = Progress()
    noted = []
    for step, value in enumerate([0.5, 0.4, 0.5, None, 0.6]):
        progress.step = step
        noted.append((progress.is_best(value), progress.best_step, progress.best_value))
    assert noted == [
        (True, 0, 0.5),
        (False, 0, 0.5),
        (True, 2, 0.5),  # the later of equals
        (False, 2, 0.5),
        (True, 4, 0.6),
    ]


def test_progress_comes_back_from_json():
    progress = Progress(step=3, seconds=1.5, best_value=0.25, rollbacks=1, events=[{"round": 2}])
    assert Progress(**json.loads(json.dumps(dataclasses.asdict(progress)))) == progress
