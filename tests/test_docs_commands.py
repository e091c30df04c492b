"""Commands and flags in the pages are those of the program."""

import contextlib
import functools
import importlib
import io
import pathlib
import re

import pytest

from tests.cli import call

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = sorted(
    path.name for path in (ROOT / "bin").iterdir() if "-m mosaickd_tf.cli." in path.read_text()
)
# Flags of bin/test, of bin/docs and of scripts in tests/.
OTHERS = {"all", "build", "count", "fast", "files", "help", "images", "port", "seed", "signal"}


@functools.cache
def known(command):
    """Returns the flags in the help of a command."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert call(importlib.import_module(f"mosaickd_tf.cli.{command}"), "--help") == 0
    return set(re.findall(r"--(?:\[no\])?(\w+)", printed.getvalue()))


def commands(path):
    """Yields name and flags of each command in a page."""
    text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
    for line in re.findall(rf"\bbin/(?:{'|'.join(COMMANDS)})\b[^\n`]*", text):
        name, *words = line.removeprefix("bin/").split()
        yield name, re.findall(r"(?<!\S)--(?:no_)?(\w+)", " ".join(words))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_have_the_flags_with_which_pages_call_them(path):
    unknown = [
        f"bin/{name} --{flag}"
        for name, flags in commands(path)
        for flag in flags
        if not {flag, f"no_{flag}"} & known(name)
    ]
    assert unknown == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_flags_that_pages_name_exist(path):
    flags = OTHERS.union(*map(known, COMMANDS))
    named = re.findall(r"(?<=`)--(?:no_)?(\w+)", path.read_text(encoding="utf-8"))
    assert {flag for flag in named if not {flag, f"no_{flag}"} & flags} == set()


def test_calls_are_found():
    found = list(commands(ROOT / "README.md"))
    assert ("results", ["add"]) in found
    assert any(name == "distill" and flags.count("flagfile") == 3 for name, flags in found)
