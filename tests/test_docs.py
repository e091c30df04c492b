"""The site of docs/: built strictly, from sources alone, with nothing from elsewhere."""

import os
import pathlib
import re
import subprocess

import pytest
import yaml

import mosaickd_tf

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def run(*words, **variables):
    return subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Builds the site; an import of TensorFlow or Keras would fail the build."""
    folder = tmp_path_factory.mktemp("site")
    stubs = tmp_path_factory.mktemp("stubs")
    for name in ("keras", "tensorflow"):
        (stubs / f"{name}.py").write_text("raise SystemExit('imported')\n")
    answer = run(ROOT / "bin" / "docs", f"--build={folder}", PYTHONPATH=str(stubs))
    assert answer.returncode == 0, answer.stderr
    return folder


@pytest.mark.slow
def test_the_site_has_every_page_and_the_public_names(site):
    pages = {path.stem for path in DOCS.glob("*.md")}
    assert pages == {path.stem for path in site.glob("*.html")} - {"404"}
    api = (site / "api.html").read_text(encoding="utf-8")
    names = "losses.adversarial_loss", "methods.mosaic.MosaicDistiller", "errors.RequestError"
    for name in names:
        assert f'id="mosaickd_tf.{name}"' in api


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site):
    loaded = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\s\"'>]*"
        r"|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^\s\"'>]*"
        r"|url\([\"']?(?:https?:)?//[^)]*|@import[^;]*//[^;]*"
    )
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > 10
    assert {path.name: loaded.findall(path.read_text(encoding="utf-8")) for path in files} == {
        path.name: [] for path in files
    }


@pytest.mark.slow
def test_links_to_files_of_the_repository_lead_to_copies(site):
    html = (site / "paper_to_code.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="(repository/[^"]+)"', html))
    assert "repository/mosaickd_tf/methods/mosaic.py.txt" in linked
    for link in linked:
        name = link.removeprefix("repository/").removesuffix(".txt")
        assert (site / link).read_bytes() == (ROOT / name).read_bytes()
    assert not re.search(r'href="\.\./', html)


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = [name for entry in yaml.safe_load(text)["nav"] for name in entry.values()]
    assert sorted(listed) == sorted(path.name for path in DOCS.glob("*.md"))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("# Title\n", 0),
        ("[a](gone.md)\n", 1),
        ("# Title\n\n[a](#no-part)\n", 1),
        ("[a](../setup.py)\n", 0),
        ("[a](../gone.py)\n", 1),
        ("::: mosaickd_tf.losses.no_such_loss\n", 1),
    ],
)
@pytest.mark.slow
def test_a_warning_ends_the_build(tmp_path, text, status):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(text)
    settings = {
        "INHERIT": str(ROOT / "mkdocs.yml"),
        "hooks": [str(DOCS / "repository_files.py")],
        "watch": [],
        "nav": ["index.md"],
    }
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(settings))
    words = ("-m", "mkdocs", "build", "--strict", "-f", tmp_path / "mkdocs.yml")
    answer = run(ROOT / "bin" / "python", *words, NO_MKDOCS_2_WARNING="1")
    assert answer.returncode == status, answer.stderr


def test_the_command_explains_itself_and_refuses_unknown_words():
    answer = run(ROOT / "bin" / "docs", "--help")
    assert answer.returncode == 0 and "--build=FOLDER" in answer.stdout
    answer = run(ROOT / "bin" / "docs", "--buld=x")
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 1 and "--buld=x" in answer.stderr


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == mosaickd_tf.__version__
