"""Which try of a method was the best, and how a page tells all of them."""

import json

import pytest

from benchmarks import equal_tuning, short_runs
from mosaickd_tf.cli.cells import read_cells

TRIES = {"kd": {"--a=1": 0.25, "--a=2": 0.5, "--a=3": 0.5}, "mosaic": {"--b=1": 0.9}}


def test_the_best_try_is_the_first_of_equals():
    assert equal_tuning.best_of(TRIES) == {"kd": "--a=2", "mosaic": "--b=1"}


def test_the_page_shows_every_try_and_marks_the_best():
    rows = equal_tuning.page(TRIES).splitlines()[-4:]
    assert rows == [
        "| kd | `--a=1` | 25.0 |",
        "| kd | **`--a=2`** | 50.0 |",
        "| kd | `--a=3` | 50.0 |",
        "| mosaic | **`--b=1`** | 90.0 |",
    ]


def test_the_page_that_lies_here_is_what_its_file_gives_and_has_four_tries_a_method():
    tries = json.loads(equal_tuning.FACTS.read_text(encoding="utf-8"))
    assert {method: len(of_method) for method, of_method in tries.items()} == dict.fromkeys(
        equal_tuning.KNOBS, 4
    )
    assert equal_tuning.PAGE.read_text(encoding="utf-8") == equal_tuning.page(tries)


@pytest.mark.parametrize("method", sorted(equal_tuning.KNOBS))
def test_every_method_is_a_flagfile_and_its_flags_are_known(method):
    options = read_cells().options["digits_from_photos", method]
    for knob in equal_tuning.KNOBS[method]:
        for flag in knob.split():
            assert flag.partition("=")[0].removeprefix("--") in options


def test_every_method_has_four_tries_and_its_best_plays_with_three_seeds(tmp_path, monkeypatch):
    played = []

    def run(words, **_):
        flags = dict(str(word).removeprefix("--").split("=", 1) for word in words[1:])
        played.append(flags)
        folder = flags["workdir"]
        accuracy = float(flags["student_learning_rate"]) if "tries" in folder else 0.0
        row = json.dumps({"round": 1, "validation_accuracy": accuracy})
        (tmp_path / folder / "metrics.jsonl").write_text(row)
        (tmp_path / folder / "result.json").write_text("{}")

    monkeypatch.setattr(short_runs.subprocess, "run", run)
    runs = short_runs.ShortRuns(tmp_path, jobs=2)
    tries = equal_tuning.played_tries(runs)
    assert set(tries) == set(equal_tuning.KNOBS)
    assert {len(of_method) for of_method in tries.values()} == {4}
    best = equal_tuning.best_of(tries)
    assert all("--student_learning_rate=0.4" in flags for flags in best.values())
    folders = equal_tuning.played_finals(runs, best)
    assert folders == equal_tuning.played_finals(runs, best)  # the second time from disk
    assert len(set(folders)) == 3 * len(tries)
    finals = [flags for flags in played if "finals" in flags["workdir"]]
    assert len(finals) == 3 * len(tries)
    assert all(flags["student_learning_rate"] == "0.4" for flags in finals)
    assert all(f"/{flags['seed']}/teacher/" in flags["teacher"] for flags in finals)
