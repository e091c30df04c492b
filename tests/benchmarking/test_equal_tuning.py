"""The best trial of a method, and the section of the page that shows all of them."""

import json

import pytest

from benchmarks import equal_tuning, short_runs
from benchmarks.pages import read_section
from mosaickd_tf.cli.cells import read_cells

TRIALS = {"kd": {"--a=1": 0.25, "--a=2": 0.5, "--a=3": 0.5}, "mosaic": {"--b=1": 0.9}}


def test_the_best_trial_is_the_first_of_equals():
    assert equal_tuning.best_of(TRIALS) == {"kd": "--a=2", "mosaic": "--b=1"}


def test_the_section_shows_every_trial_and_marks_the_best():
    rows = equal_tuning.render(TRIALS).rstrip().splitlines()[-4:]
    assert rows == [
        "| kd | `--a=1` | 25.0 |",
        "| kd | **`--a=2`** | 50.0 |",
        "| kd | `--a=3` | 50.0 |",
        "| mosaic | **`--b=1`** | 90.0 |",
    ]


def test_the_section_of_the_page_is_what_its_file_gives_and_has_four_trials_a_method():
    trials = json.loads(equal_tuning.FACTS.read_text(encoding="utf-8"))
    assert {method: len(of_method) for method, of_method in trials.items()} == dict.fromkeys(
        equal_tuning.KNOBS, 4
    )
    section = read_section(equal_tuning.PAGE, equal_tuning.SECTION)
    assert section == equal_tuning.render(trials)


@pytest.mark.parametrize("method", sorted(equal_tuning.KNOBS))
def test_every_method_is_a_flagfile_and_its_flags_are_known(method):
    options = read_cells().options["digits_from_photos", method]
    for knob in equal_tuning.KNOBS[method]:
        for flag in knob.split():
            assert flag.partition("=")[0].removeprefix("--") in options


def test_every_method_has_four_trials_and_its_best_trains_with_three_seeds(tmp_path, monkeypatch):
    trained = []

    def run(words, **_):
        flags = dict(str(word).removeprefix("--").split("=", 1) for word in words[1:])
        trained.append(flags)
        folder = flags["workdir"]
        accuracy = float(flags["student_learning_rate"]) if "tries" in folder else 0.0
        row = json.dumps({"round": 1, "validation_accuracy": accuracy})
        (tmp_path / folder / "metrics.jsonl").write_text(row)
        (tmp_path / folder / "result.json").write_text("{}")

    monkeypatch.setattr(short_runs.subprocess, "run", run)
    runs = short_runs.ShortRuns(tmp_path, jobs=2)
    trials = equal_tuning.run_trials(runs)
    assert set(trials) == set(equal_tuning.KNOBS)
    assert {len(of_method) for of_method in trials.values()} == {4}
    best = equal_tuning.best_of(trials)
    assert all("--student_learning_rate=0.4" in flags for flags in best.values())
    folders = equal_tuning.run_finals(runs, best)
    assert folders == equal_tuning.run_finals(runs, best)  # the second time from disk
    assert len(set(folders)) == 3 * len(trials)
    finals = [flags for flags in trained if "finals" in flags["workdir"]]
    assert len(finals) == 3 * len(trials)
    assert all(flags["student_learning_rate"] == "0.4" for flags in finals)
    assert all(f"/{flags['seed']}/teacher/" in flags["teacher"] for flags in finals)
