"""Imports point one way: from the commands down to the losses, never back.

`bin/python -m tests.test_imports` writes the table of rooms in CONTRIBUTING.md.
"""

import ast
import pathlib

import pytest

import mosaickd_tf
from benchmarks.pages import markdown_table, read_section, write_section

ROOT = pathlib.Path(mosaickd_tf.__file__).parent
PAGE, SECTION = ROOT.parent / "CONTRIBUTING.md", "rooms"

# A room may import itself, rooms of a lower rank, and `errors`.
RANK = {
    "errors": 0,
    "config": 0,
    "losses": 0,
    "utils": -1,
    "vetting": 0,
    "models": 1,
    "tasks": 1,
    "data": 2,
    "training": 2,
    "evaluation": 3,
    "methods": 3,
    "teachers": 4,
    "export": 4,
    "workdir": 3,
    "report": 5,
    "compression": 5,
    "demo": 6,
    "synthesis": 6,
    "pipeline": 7,
    "benchmarking": 8,
    "cli": 9,
}


def modules():
    """Lists all modules but the package's own `__init__`, which has the public names."""
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room(path):
    """Returns the room of a module: the file or folder directly below the package."""
    return pathlib.PurePath(path).relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(source):
    """Yields the rooms that a module imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = [node.module]
            if node.module == "mosaickd_tf":
                names = [f"mosaickd_tf.{alias.name}" for alias in node.names]
        for name in names:
            package, *inner = name.split(".")
            if package == "mosaickd_tf":
                assert inner, f"line {node.lineno}: the package imports itself whole"
                yield inner[0]


def may_import(here, there):
    return there in (here, "errors") or RANK[there] < RANK[here]


def rooms_table():
    """Renders the rooms by rank, each with the first paragraph of its docstring."""
    rows = [("rank", "room", "content")]
    for name, rank in sorted(RANK.items(), key=lambda item: (item[1], item[0])):
        folder = ROOT / name
        path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        content = " ".join(docstring.split("\n\n")[0].split())
        rows.append((str(rank), f"`{name}{'/' if folder.is_dir() else '.py'}`", content))
    return f"\n{markdown_table(rows)}\n"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_its_own_room_or_lower_ones(path):
    assert room(path) in RANK, f"{room(path)} has no rank"
    for there in imported_rooms(path.read_text(encoding="utf-8")):
        assert there in RANK, f"{there} has no rank"
        assert may_import(room(path), there), f"{room(path)} imports {there}"


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import mosaickd_tf.models.blocks", ["models"]),
        ("from mosaickd_tf import losses, files as f", ["losses", "files"]),
        ("from mosaickd_tf.data.streams import unit", ["data"]),
        ("def f():\n    from mosaickd_tf.cli import app", ["cli"]),
        ("import os, keras\nfrom numpy import pi", []),
    ],
)
def test_an_import_of_any_form_is_seen(source, rooms):
    assert list(imported_rooms(source)) == rooms


@pytest.mark.parametrize("source", ["from . import losses", "import mosaickd_tf"])
def test_an_import_that_hides_its_room_is_refused(source):
    with pytest.raises(AssertionError):
        list(imported_rooms(source))


@pytest.mark.parametrize(
    ("here", "there"),
    [("losses", "models"), ("config", "losses"), ("training", "methods"), ("training", "cli")],
)
def test_the_way_up_and_the_way_sideways_are_closed(here, there):
    assert not may_import(here, there)


def test_every_room_may_raise_the_package_s_errors():
    assert all(may_import(here, "errors") for here in RANK)


def test_the_commands_alone_read_flags():
    for path in modules():
        if room(path) != "cli":
            names = {
                name
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, (ast.Import, ast.ImportFrom))
                for name in [getattr(node, "module", None), *(a.name for a in node.names)]
            }
            assert not {"absl", "absl.flags", "flags"} & names, path


def test_the_table_of_rooms_is_that_of_the_code():
    assert read_section(PAGE, SECTION) == rooms_table(), "run bin/python -m tests.test_imports"


def test_every_room_is_a_folder_but_the_errors():
    modules = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert modules == {"errors"}
    assert folders | modules == set(RANK)
    assert len(folders) <= 20


if __name__ == "__main__":
    write_section(PAGE, SECTION, rooms_table())
