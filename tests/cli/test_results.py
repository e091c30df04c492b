"""`bin/results`: what comes into the ledger, and that the project's own page is what it gives."""

import functools
import json
import pathlib
import re
import shlex
import subprocess

import pytest

from mosaickd_tf.cli import cells, distill, flags, results
from mosaickd_tf.config import DistillConfig, assignment, from_sections, options
from mosaickd_tf.config.removed import REMOVED, without_removed
from mosaickd_tf.errors import RequestError
from tests.cli import call
from tests.report.results import result

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "cifar100_from_cifar10-wrn40_2_to_wrn16_1-mosaic-seed0.json"


@pytest.fixture(autouse=True, scope="module")
def _cells_are_read_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "read_cells", functools.cache(cells.read_cells))
        yield


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Returns a folder as the project's, with the result of one run in it."""
    monkeypatch.chdir(tmp_path)
    put(published_run())
    return tmp_path


def published_run(**changes):
    """Returns a run as the project's flagfiles describe it."""
    described = cells.read_cells().options["cifar100_from_cifar10", "mosaic"]
    return result(**(json.loads(json.dumps(described)) | changes))


def put(entry):
    path = pathlib.Path("run", "result.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(entry))


def add(*words):
    return call(results, "--add=run/result.json", *words)


# The project's own page


def test_the_page_of_the_project_is_what_its_results_give(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert call(results, "--check") == 0, capsys.readouterr().err


def test_every_command_of_the_ledger_is_understood():
    """Checks that the parsed options are those of the result, too."""
    paths = sorted((ROOT / "results").glob("*.json"))
    assert len(paths) > 50
    for path in paths:
        result = json.loads(path.read_text())
        program, *words = shlex.split(result["command"])
        assert program == "bin/distill"
        sections = flags.parse(distill.sections(), words)
        sections.pop("output")
        parsed = dict(options(from_sections(DistillConfig, sections)))
        stored = without_removed(result["config"])
        for name in (word.partition("=")[0].removeprefix("--") for word in words):
            assert assignment(name, parsed[name]) == assignment(name, stored[name])


def test_a_command_with_a_removed_option_in_effect_is_refused_with_its_version():
    for name, (off, version) in REMOVED.items():
        flags.parse(distill.sections(), [f"--{name}={off}"])
        with pytest.raises(RequestError, match=f"`{name}` was removed.* version {version}"):
            flags.parse(distill.sections(), [f"--{name}={off + 1}"])


def test_every_link_of_the_page_leads_somewhere():
    page = ROOT / "docs" / "results.md"
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        assert link.startswith("https://") or (page.parent / link.partition("#")[0]).exists(), link


# Adding a run


def test_a_run_is_kept_under_a_telling_name_and_shown(place, capsys):
    assert add() == 0
    kept = json.loads((place / "results" / NAME).read_text())
    assert kept["student"]["accuracy"] == 0.61 and kept["commit"].startswith("01234")
    page = (place / "docs" / "results.md").read_text()
    assert f"61.00 (seed [0](../results/{NAME}))" in page
    assert f"added results/{NAME}" in capsys.readouterr().out
    assert call(results, "--check") == 0


def test_a_run_of_other_flags_says_so_in_its_name(place):
    put(published_run(rounds=50, seed=2, batch_size=64))
    assert add() == 0
    (path,) = (place / "results").iterdir()
    expected = NAME.replace("-seed0", "-rounds=50-batch_size=64-seed2")
    assert path.name == expected


def test_no_place_of_the_machine_comes_into_the_ledger(place):
    put(published_run(data_dir="/home/me/data", teacher="/home/me/wrn40_2/teacher.keras"))
    assert add() == 0
    text = (place / "results" / NAME).read_text()
    assert "/home" not in text and "/there" not in text
    command = json.loads(text)["command"]
    sections = flags.parse(distill.sections(), shlex.split(command)[1:])
    sections.pop("output")
    config = from_sections(DistillConfig, sections)
    assert dict(options(config))["teacher"] == "wrn40_2/teacher.keras"


def test_the_same_cell_and_seed_again_is_refused_and_the_first_stays(place, capsys):
    assert add() == 0
    put(published_run() | {"seconds": 1.0})
    assert add() == 2
    assert NAME in capsys.readouterr().err
    assert json.loads((place / "results" / NAME).read_text())["seconds"] == 5400.0


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"commit": None}, "Received: none."),
        ({"commit": "0123-dirty"}, "Received: 0123-dirty."),
        ({"student": {"name": "resnet50", "accuracy": 0.5}}, "belongs to no cell"),
        ({"student": {"name": "wrn16_1", "accuracy": None}}, "Expected accuracies"),
        ({"config": {}}, "Expected the result.json of a finished run"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_result_that_does_not_count_is_refused_in_one_line(place, capsys, changes, words):
    put(published_run() | changes)
    assert add() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (place / "results").exists() and not (place / "docs").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", ""])
def test_a_file_that_is_no_result_is_refused(place, capsys, text):
    (place / "run" / "result.json").write_text(text)
    assert add() == 2
    assert "Not a result. Expected" in capsys.readouterr().err


def test_a_missing_file_is_refused(place, capsys):
    assert call(results, "--add=nowhere.json") == 2
    assert "nowhere.json" in capsys.readouterr().err


def test_a_person_may_say_the_commit_if_git_knows_it(place, capsys):
    put(published_run() | {"commit": None})
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert add("--commit=deadbeef") == 2
    assert "'deadbeef'" in capsys.readouterr().err
    assert add(f"--commit={head.stdout[:8]}") == 0
    assert json.loads((place / "results" / NAME).read_text())["commit"] == head.stdout.strip()


# The page


def test_a_page_that_was_edited_by_hand_is_found(place, capsys):
    assert call(results, "--check") == 2  # there is none
    assert call(results) == 0
    assert call(results, "--check") == 0
    page = place / "docs" / "results.md"
    page.write_text(page.read_text().replace("77.01", "97.01"))
    capsys.readouterr()
    assert call(results, "--check") == 2
    assert "Run bin/results" in capsys.readouterr().err
    assert "97.01" in page.read_text()


def test_a_student_beside_its_result_is_linked_if_it_is_small(place, capsys):
    assert add() == 0
    student = place / "results" / NAME.replace(".json", ".tflite")
    student.write_bytes(b"0" * 999_999)
    assert call(results) == 0
    assert f"[tflite](../results/{student.name})" in (place / "docs" / "results.md").read_text()
    student.write_bytes(b"0" * 1_000_000)
    assert call(results) == 2
    assert "1,000,000" in capsys.readouterr().err
