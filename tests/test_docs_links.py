"""No dead link, anchor or file name in pages, docstrings, help texts and the report."""

import functools
import importlib
import importlib.util
import pathlib
import re
import subprocess

import markdown
import pytest

from mosaickd_tf.report import page
from tests.report import result, write_run

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXTENSIONS = ["tables", "toc", "pymdownx.superfences"]
# A file of the repository; words in capitals stand for any name, as a star does.
MENTION = re.compile(
    r"(?<![\w/.-])(?:\.\./)?((?:benchmarks|bin|configs|docs|examples|mosaickd_tf|results|tests)"
    r"/(?![\w./=-]*[*{])[\w./=-]*\w)"
)
PLACEHOLDER = re.compile(r"(?<![a-zA-Z])[A-Z]{2,}")
REAL = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}


def tracked(*patterns):
    """Lists the files of the repository, except ignored ones."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout", allow_module_level=True)
    paths = sorted({ROOT / name for name in listed.stdout.split("\0") if name})
    return [path for path in paths if path.is_file()]


PAGES = tracked("*.md")
SOURCES = [
    *tracked("mosaickd_tf/*.py", "benchmarks/*.py", "configs/*.cfg", "examples/*", "bin/*"),
    ROOT / "mkdocs.yml",
]


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


@functools.cache
def rendered(path):
    """Renders a page to HTML, with the anchors of the site."""
    return markdown.markdown(path.read_text(encoding="utf-8"), extensions=EXTENSIONS)


def anchors(html):
    return set(re.findall(r'\bid="([^"]+)"', html))


def links(html):
    return re.findall(r'\b(?:href|src)="([^"]*)"', html)


def dead(path, html):
    """Yields the links of a page without a target."""
    for link in links(html):
        if re.match(r"(https?|mailto|data):", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield link
        elif anchor and anchor not in anchors(html if target == path else rendered(target)):
            yield link


def missing(text):
    """Yields the files that a text names and that do not exist."""
    for name in MENTION.findall(text):
        placeholder = PLACEHOLDER.search(name) and pathlib.PurePath(name).name not in REAL
        if not placeholder and not (ROOT / name).exists():
            yield name


@named(PAGES)
def test_no_link_of_a_page_is_dead(path):
    assert list(dead(path, rendered(path))) == []


@named([path for path in PAGES if path.name != "CHANGELOG.md"])
def test_every_file_that_a_page_names_exists(path):
    assert list(missing(path.read_text(encoding="utf-8"))) == []


@named(SOURCES)
def test_every_file_that_a_source_or_its_help_names_exists(path):
    text = path.read_text(encoding="utf-8")
    assert list(missing(text)) == []
    # Sources write parts of pages: their relative links start in docs/.
    relative = re.findall(r"\]\((?!https?:)([^)\s{}#]+\.(?:cfg|json|md|py))\b", text)
    assert [link for link in relative if not (ROOT / "docs" / link).exists()] == []


def test_every_page_of_the_site_is_linked_from_another():
    reached = {
        (path.parent / link.partition("#")[0]).resolve()
        for path in PAGES
        for link in links(rendered(path))
        if not link.startswith("http")
    }
    site = {path for path in PAGES if path.parent == ROOT / "docs"}
    assert {path.name for path in site - reached} == {"index.md"}


def test_the_report_has_no_dead_link(tmp_path):
    write_run(tmp_path, result())
    path = page.write(tmp_path)
    html = path.read_text(encoding="utf-8")
    assert list(dead(path, html)) == []
    assert list(missing(html)) == []


# Names of the package


def test_every_public_name_in_a_page_exists():
    rooms = "data|evaluation|export|losses|methods|models"
    name = re.compile(rf"(?:`|mosaickd_tf\.|[=(\s])({rooms})\.(\w+)(?=`|\()")
    found = {
        pair
        for path in PAGES
        if path.name != "CHANGELOG.md"
        for pair in name.findall(path.read_text(encoding="utf-8"))
    }
    assert {("losses", "adversarial_loss"), ("models", "inference_copy")} <= found
    assert [
        f"{room}.{name}"
        for room, name in sorted(found)
        if not hasattr(importlib.import_module(f"mosaickd_tf.{room}"), name)
    ] == []


def test_the_losses_of_the_paper_are_those_of_the_package():
    text = (ROOT / "docs" / "paper_to_code.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:losses\.)?(\w+_loss)`", text))
    assert len(named) > 10
    assert named <= set(importlib.import_module("mosaickd_tf.losses").__all__)


def test_moved_modules_are_where_the_changelog_says():
    table = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("### Moved modules")[2]
    moved = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", table, re.MULTILINE)
    assert len(moved) > 40
    found = {new: importlib.util.find_spec(f"mosaickd_tf.{new}") for _, new in moved}
    assert [new for new, spec in found.items() if spec is None] == []


# The test itself


def test_dead_links_and_anchors_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# Title\n\n## A part\n")
    here = tmp_path / "here.md"
    here.write_text(
        "# Here\n[a](other.md#a-part) [b](other.md#no-part) [c](gone.md) [d](#here) [e](#there)\n"
        "\n```\n[f](gone.md)\n```\n"
    )
    assert list(dead(here, rendered(here))) == ["other.md#no-part", "gone.md", "#there"]


def test_missing_files_are_found():
    text = (
        "`bin/test`, docs/gone.md, ../results/README.md, tests/NAME.py, runs/docs/a.md (bin/none)"
    )
    assert list(missing(text)) == ["docs/gone.md", "bin/none"]
