"""The commands that are run, their precision, and that none is run twice."""

import json

import pytest

from benchmarks import short_runs


@pytest.fixture
def commands(monkeypatch):
    """The words of each command that was run; each leaves its result."""
    seen = []

    def run(words, *, env, **_):
        words = [str(word) for word in words]
        seen.append((words, env["TF_NUM_INTRAOP_THREADS"]))
        folder = short_runs.pathlib.Path(words[-1].removeprefix("--workdir="))
        (folder / "result.json").write_text("{}")

    monkeypatch.setattr(short_runs.subprocess, "run", run)
    monkeypatch.setattr(short_runs.machine, "cores", lambda: 8)
    return seen


def test_teachers_train_in_float32_and_students_in_the_requested_precision(tmp_path, commands):
    runs = short_runs.ShortRuns(tmp_path, jobs=2, precision="mixed_bfloat16")
    runs.train_teachers([5])
    assert runs.train_students([("a/b", "mosaic", 5, ["--rounds=7"])]) == [tmp_path / "a/b"]
    (teacher, threads), (student, _) = commands
    assert threads == "4"
    assert "--precision=float32" in teacher and "--rounds=1" in teacher
    assert f"--workdir={tmp_path}/teachers/5" in teacher
    assert {"--precision=mixed_bfloat16", "--rounds=7", "--seed=5"} <= set(student)
    assert f"--teacher={tmp_path}/teachers/5/teacher/teacher.keras" in student
    assert any(word.endswith("configs/methods/mosaic.cfg") for word in student)


def test_what_is_finished_is_not_run_again(tmp_path, commands):
    runs = short_runs.ShortRuns(tmp_path, jobs=1)
    requested = [("a", "kd", 0, []), ("b", "kd", 1, [])]
    for _ in range(2):
        assert runs.train_students(requested) == [tmp_path / "a", tmp_path / "b"]
    assert len(commands) == 2


def test_the_accuracy_is_the_best_of_those_on_the_validation_split(tmp_path):
    rows = [{"round": 0}, {"validation_accuracy": 0.5}, {"validation_accuracy": 0.25}]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert short_runs.validation_accuracy(tmp_path) == 0.5
