"""The browser's runtime: downloaded once, by a stand-in for npm."""

import json
import os
import re

import pytest

from mosaickd_tf.demo import packages
from mosaickd_tf.errors import RequestError, RunError


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Makes an npm of one's own, alone on the PATH."""

    def make(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin:/usr/bin")
        return folder / "npm"

    return make


def test_npm_downloads_what_the_lock_names_once(tmp_path, npm):
    made = npm('echo "$@" > asked; mkdir node_modules; cp package-lock.json node_modules/')
    modules = packages.runtime(tmp_path / "cache")
    lock = (packages.HERE / "package-lock.json").read_bytes()
    assert (modules / "package-lock.json").read_bytes() == lock
    assert (modules.parent / "asked").read_text().startswith("ci --ignore-scripts")
    made.unlink()
    assert packages.runtime(tmp_path / "cache") == modules
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [modules.parent.name]


def test_the_users_cache_serves_where_no_folder_is_named(tmp_path, npm, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    npm("mkdir node_modules")
    assert (tmp_path / "mine" / "mosaickd_tf" / "litert_js") in packages.runtime().parents


def test_a_failure_of_npm_is_told_and_leaves_nothing(tmp_path, npm):
    npm("mkdir node_modules; echo 'npm error code EINTEGRITY' >&2; exit 1")
    with pytest.raises(RunError, match="LiteRT.js: code EINTEGRITY"):
        packages.runtime(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_npm_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match="apt-get install npm"):
        packages.runtime(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_every_package_is_pinned_by_version_and_content():
    asked = json.loads((packages.HERE / "package.json").read_text())["dependencies"]
    lock = json.loads((packages.HERE / "package-lock.json").read_text())["packages"]
    locked = {name.removeprefix("node_modules/"): entry for name, entry in lock.items() if name}
    assert {name: entry["version"] for name, entry in locked.items()} == asked
    for entry in locked.values():
        assert re.fullmatch(r"sha512-[\w+/]{86}==", entry["integrity"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
        assert "resolved" not in entry
