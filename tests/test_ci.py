"""`bin/test`: the steps of its variants in order, each of which can fail it."""

import pathlib
import shutil
import subprocess
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
LINT = ["python -m ruff check", "python -m ruff format --check"]
PYTEST = (
    "python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder"
)


@pytest.fixture
def steps(tmp_path):
    """Runs a copy of the script between commands that note their words; returns those."""
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "bin" / "test", tmp_path / "bin" / "test")
    for name in ("python", "docs"):
        script = tmp_path / "bin" / name
        script.write_text(
            f'#!/usr/bin/env bash\necho {name} "$@" >>"{tmp_path}/log"\n[[ "$*" != "$FAILS" ]]\n'
        )
        script.chmod(0o755)

    def run(*words, fails="nothing"):
        answer = subprocess.run(
            [tmp_path / "bin" / "test", *words],
            env={"PATH": "/usr/bin:/bin", "FAILS": fails},
            capture_output=True,
            text=True,
            check=False,
        )
        assert bool(answer.returncode) == (fails != "nothing"), answer.stderr
        lines = (tmp_path / "log").read_text().splitlines()
        return ["docs" if line.startswith("docs --build=/") else line for line in lines]

    return run


def test_everything_runs_in_order(steps):
    assert steps() == [*LINT, "docs", PYTEST]


def test_words_are_those_of_pytest(steps):
    assert steps("tests/losses", "-k", "balance")[-1] == f"{PYTEST} tests/losses -k balance"


def test_fast_leaves_out_slow_tests_and_the_documentation(steps):
    assert steps("--fast", "-x") == [*LINT, f"{PYTEST} -m not slow and not heavy -x"]


def test_all_adds_the_heavy_tests(steps):
    assert steps("--all", "-x") == [*LINT, "docs", f"{PYTEST} -m  -x"]


def test_the_first_failure_ends_it(steps):
    assert steps(fails="-m ruff check") == LINT[:1]


def test_heavy_tests_are_left_out_unless_asked_for():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    words = settings["addopts"]
    assert words[words.index("-m") + 1] == "not heavy"
    assert any(marker.startswith("heavy:") for marker in settings["markers"])


def test_ci_runs_the_default():
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec bin/test"
