"""Atomic writing, reading and removal of files and folders."""

import errno
import json
import os

import pytest

from mosaickd_tf.utils import files
from tests.utils import names


class Killed(BaseException):
    """An exception in the middle of a write that is no `Exception`."""


def test_a_file_is_written_and_no_temporary_file_is_left(tmp_path):
    with files.atomic_write(tmp_path / "new" / "a.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "new" / "a.txt").read_text() == "new"
    assert names(tmp_path / "new") == ["a.txt"]


def test_nothing_is_at_the_path_before_the_end(tmp_path):
    with files.atomic_write(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        assert not (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("error", [ValueError, Killed])
def test_after_an_error_the_old_file_is_kept_and_no_partial(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), files.atomic_write(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise error
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_after_an_error_the_old_folder_is_kept_and_no_partial(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with pytest.raises(ValueError), files.atomic_write(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "half").touch()
        raise ValueError
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_a_folder_replaces_a_folder_completely(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with files.atomic_write(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["new"]


def test_a_link_replaces_a_link_and_its_old_target_is_kept(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    for name in ("one", "two"):
        with files.atomic_write(tmp_path / "last") as partial:
            os.symlink(name, partial)
    assert (tmp_path / "last" / "content").read_text() == "two"
    assert (tmp_path / "one" / "content").read_text() == "one"
    assert names(tmp_path) == ["last", "one", "two"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    with files.atomic_write(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "new").touch()
        leftover = partial
    leftover.mkdir()
    (leftover / "stale").touch()
    with files.atomic_write(tmp_path / "model") as partial:
        assert not partial.exists()
        partial.mkdir()
    assert names(tmp_path / "model") == []


def test_the_temporary_name_keeps_the_suffix(tmp_path):
    with files.atomic_write(tmp_path / "student.keras") as partial:
        assert partial.suffix == ".keras"
        assert partial.parent == tmp_path
        partial.touch()


def test_text_is_utf8(tmp_path):
    files.write_text(tmp_path / "labels.txt", "Löwe\n")
    assert (tmp_path / "labels.txt").read_bytes() == b"L\xc3\xb6we\n"


def test_json_round_trip(tmp_path):
    content = {"accuracy": 0.1, "macs": None, "names": ["ä", "b"], "rounds": 3}
    files.write_json(tmp_path / "result.json", content)
    assert files.read_json(tmp_path / "result.json") == content
    assert json.loads((tmp_path / "result.json").read_text()) == content


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_a_number_that_is_not_finite_and_keeps_the_old_file(tmp_path, number):
    files.write_json(tmp_path / "result.json", {"loss": 1.0})
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "result.json", {"loss": number})
    assert files.read_json(tmp_path / "result.json") == {"loss": 1.0}
    assert names(tmp_path) == ["result.json"]


def test_a_missing_json_file_is_none(tmp_path):
    assert files.read_json(tmp_path / "result.json") is None


def test_remove_takes_files_folders_and_links_but_not_what_a_link_points_to(tmp_path):
    folder, link, dangling = tmp_path / "folder", tmp_path / "link", tmp_path / "dangling"
    (folder / "inside").mkdir(parents=True)
    link.symlink_to("folder")
    dangling.symlink_to("nowhere")
    files.remove(link)
    files.remove(dangling)
    assert names(tmp_path) == ["folder"]
    assert names(folder) == ["inside"]
    files.remove(folder)
    files.remove(tmp_path / "not there")
    assert names(tmp_path) == []


def test_a_folder_is_restored_when_the_rename_fails(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    replace = os.replace

    def refuse(source, target):
        if "partial" in str(source):
            raise OSError(errno.EIO, "broken disk")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", refuse)
    with (
        pytest.raises(OSError, match="broken disk"),
        files.atomic_write(tmp_path / "model") as partial,
    ):
        partial.mkdir()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_everything_is_on_the_disk_before_the_rename(tmp_path, monkeypatch):
    """Prevents that a power failure leaves a file with its name and without its content."""
    events = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor):
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def record_replace(source, target):
        events.append("renamed")
        replace(source, target)

    monkeypatch.setattr(files.os, "fsync", record_fsync)
    monkeypatch.setattr(files.os, "replace", record_replace)
    with files.atomic_write(tmp_path / "model") as partial:
        (partial / "inside").mkdir(parents=True)
        (partial / "inside" / "file").write_text("content")
    assert events == [
        f"{partial}/inside/file",
        f"{partial}/inside",
        f"{partial}",
        "renamed",
        f"{tmp_path}",
    ]


def test_a_broken_json_file_is_logged_and_none(tmp_path, caplog):
    path = tmp_path / "result.json"
    for content in (b'{"loss": ', b"\xff\xfe", b""):
        path.write_bytes(content)
        assert files.read_json_if_valid(path) is None
        with pytest.raises(ValueError):
            files.read_json(path)
    assert caplog.text.count("is broken") == 3
    files.write_json(path, {"loss": 1})
    assert files.read_json_if_valid(path) == {"loss": 1}
    assert files.read_json_if_valid(tmp_path / "none.json") is None


def test_the_sha256_of_a_file(tmp_path):
    """Compares with the hash of `abc` in FIPS 180-2."""
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_an_atomic_folder_replaces_files_of_the_same_names_only(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    (tmp_path / "other").write_text("mine")
    with files.atomic_folder(tmp_path) as partial:
        (partial / "a").write_text("new")
        (partial / "folder").mkdir()
        (partial / "folder" / "new").touch()
        assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a", "folder", "other"]
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path / "folder") == ["new"]


def test_after_an_error_the_folder_is_unchanged(tmp_path):
    (tmp_path / "a").write_text("old")
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt), files.atomic_folder(folder) as partial:
            (partial / "a").write_text("half")
            raise KeyboardInterrupt
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_leftovers_in_an_atomic_folder_are_removed(tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "half").touch()
    with files.atomic_folder(tmp_path) as partial:
        (partial / "a").touch()
    assert names(tmp_path) == ["a"]


def test_a_cache_is_in_the_given_folder_or_the_user_s(tmp_path, monkeypatch):
    assert files.cache_folder("things", str(tmp_path / "here")) == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.cache_folder("things", "~/here") == tmp_path / "here"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert files.cache_folder("things") == tmp_path / "cache" / "mosaickd_tf" / "things"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.cache_folder("things") == tmp_path / ".cache" / "mosaickd_tf" / "things"
