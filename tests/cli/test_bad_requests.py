"""Requests that are wrong: exit code 2, one line that helps, nothing written."""

import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from mosaickd_tf.cli import evaluate, export
from tests.cli import call, wrong_files
from tests.cli.wrong_requests import COMMANDS, MODELS, TABLE

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    wrong_files.write(folder)
    return folder


def snapshot(folder):
    """Every path below a folder, with what stands there and when it was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path] = (status.st_mode, status.st_mtime_ns if content else 0, content)
    return found


def words_of(command, words, place):
    _, good = COMMANDS[command]
    return [word.replace("{}", str(place)) for word in shlex.split(f"{good} {words}")]


def check_line(line, command, parts):
    """The line names flag or file, what was expected, what came, and what to do."""
    assert line.startswith(f"bin/{command}: ")
    assert re.search(r"Expected:? .*\. Received: .+\. \S", line), line
    for part in parts:
        assert part in line, f"{part!r} is not in: {line}"
    assert line.isprintable()
    assert "Traceback" not in line


def test_the_table_is_long_and_no_row_stands_twice():
    assert len({row[:2] for row in TABLE}) == len(TABLE) >= 60
    assert {row[0] for row in TABLE} == set(COMMANDS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1][:60]}")
def test_a_wrong_request_is_one_line_and_leaves_everything_as_it_was(place, capsys, row):
    command, words, *parts = row
    before = snapshot(place)
    assert call(COMMANDS[command][0], *words_of(command, words, place)) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    check_line(line, command, parts)
    assert out == ""
    assert snapshot(place) == before


def test_the_requests_that_the_rows_spoil_are_right(place, tmp_path, capsys):
    """Else a row could be refused for another reason than its own."""
    for command in ("distill", "train_teacher"):
        words = words_of(command, f"--dry_run --workdir={tmp_path / command}", place)
        assert call(COMMANDS[command][0], *words) == 0
    assert call(evaluate, *words_of("evaluate", f"--json={tmp_path / 'json'}", place)) == 0
    assert call(export, *words_of("export", f"--export_dir={tmp_path / 'out'}", place)) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_process_of_its_own_says_the_same(place, tmp_path):
    command, words, *parts = MODELS[5]  # with code in it
    before = snapshot(place)
    answer = subprocess.run(
        [sys.executable, "-m", f"mosaickd_tf.cli.{command}", *words_of(command, words, place)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    check_line(line, command, parts)
    assert snapshot(place) == before
    assert not np.any([path.name == "witness" for path in before])
