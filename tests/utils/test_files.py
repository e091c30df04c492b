"""Files are there atomic_write or not at all."""

import contextlib
import errno
import json
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data import grids
from mosaickd_tf.export import writers
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.utils import files
from tests import tiny

NOISE = np.random.default_rng(1).integers(0, 256, (64, 32, 32, 3), np.uint8)


class Killed(BaseException):
    """Stands for what ends a process in the middle of a write."""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path):
    with files.atomic_write(tmp_path / "new" / "a.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "new" / "a.txt").read_text() == "new"
    assert names(tmp_path / "new") == ["a.txt"]


def test_nothing_is_at_the_path_before_the_end(tmp_path):
    with files.atomic_write(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        assert not (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("error", [ValueError, Killed])
def test_after_an_error_the_old_file_is_there_and_no_partial(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), files.atomic_write(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise error
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_after_an_error_the_old_folder_is_there_and_no_partial(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with pytest.raises(ValueError), files.atomic_write(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "half").touch()
        raise ValueError
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_a_folder_takes_the_place_of_a_folder_and_keeps_nothing_of_it(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with files.atomic_write(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["new"]


def test_a_link_takes_the_place_of_a_link_and_its_old_target_stays(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    for name in ("one", "two"):
        with files.atomic_write(tmp_path / "last") as partial:
            os.symlink(name, partial)
    assert (tmp_path / "last" / "content").read_text() == "two"
    assert (tmp_path / "one" / "content").read_text() == "one"
    assert names(tmp_path) == ["last", "one", "two"]


def test_what_a_killed_process_left_is_not_mixed_into_the_next(tmp_path):
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


def test_the_name_to_write_to_keeps_the_suffix(tmp_path):
    with files.atomic_write(tmp_path / "student.keras") as partial:
        assert partial.suffix == ".keras"
        assert partial.parent == tmp_path
        partial.touch()


def test_text_is_utf8(tmp_path):
    files.write_text(tmp_path / "labels.txt", "Löwe\n")
    assert (tmp_path / "labels.txt").read_bytes() == b"L\xc3\xb6we\n"


def test_json_comes_back(tmp_path):
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


def test_a_json_file_that_is_not_there_is_none(tmp_path):
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


def test_a_folder_comes_back_when_its_successor_cannot_take_its_place(tmp_path, monkeypatch):
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


def test_everything_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """A power failure may not leave a file that has its name and not its content."""
    happened = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor):
        happened.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def note_replace(source, target):
        happened.append("renamed")
        replace(source, target)

    monkeypatch.setattr(files.os, "fsync", note_fsync)
    monkeypatch.setattr(files.os, "replace", note_replace)
    with files.atomic_write(tmp_path / "model") as partial:
        (partial / "inside").mkdir(parents=True)
        (partial / "inside" / "file").write_text("content")
    assert happened == [
        f"{partial}/inside/file",
        f"{partial}/inside",
        f"{partial}",
        "renamed",
        f"{tmp_path}",
    ]


def test_a_broken_json_file_that_can_be_made_again_is_said_and_none(tmp_path, caplog):
    path = tmp_path / "result.json"
    for content in (b'{"loss": ', b"\xff\xfe", b""):
        path.write_bytes(content)
        assert files.read_kept_json(path) is None
        with pytest.raises(ValueError):
            files.read_json(path)
    assert caplog.text.count("is broken") == 3
    files.write_json(path, {"loss": 1})
    assert files.read_kept_json(path) == {"loss": 1}
    assert files.read_kept_json(tmp_path / "none.json") is None


def test_the_sum_of_a_file(tmp_path):
    """That of `abc` as FIPS 180-2 gives it."""
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def caused_by(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error, expected",
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EFBIG, "File too large"), True),
        (OSError("Can't write data (errno = 28, error message = 'No space left on device')"), True),
        (caused_by(ValueError("the archive is open"), OSError(errno.ENOSPC, "")), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (MemoryError(), False),
    ],
    ids=str,
)
def test_want_of_room_is_told_from_other_errors(error, expected):
    assert files.is_for_want_of_room(error) is expected


# What libraries raise when they cannot write on; the limit on the size of a file needs no root.


@contextlib.contextmanager
def no_file_above(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def save_checkpoint(folder):
    state = {"weights": tf.Variable(tf.zeros((400, 100)))}
    Checkpoints(folder, state).save({"step": 1})


def save_keras(folder):
    with files.atomic_write(folder / "a.keras") as partial:
        tiny.classifier().save(partial)


@pytest.mark.parametrize(
    "write",
    [
        save_checkpoint,
        save_keras,
        lambda folder: writers.save_saved_model(tiny.classifier(), folder / "saved_model"),
        lambda folder: files.write_json(folder / "a.json", "x" * 60_000),
        lambda folder: grids.save_grid(folder / "a.png", NOISE),
    ],
    ids=["checkpoint", "keras", "saved_model", "json", "pictures"],
)
def test_whatever_writes_says_that_there_is_no_room_and_leaves_nothing_half(tmp_path, write):
    with pytest.raises(Exception) as caught, no_file_above(20_000):
        write(tmp_path)
    assert files.is_for_want_of_room(caught.value)
    assert names(tmp_path) == []


# Several atomic_folder


def test_files_written_together_replace_their_namesakes_and_no_others(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    (tmp_path / "other").write_text("mine")
    with files.atomic_folder(tmp_path) as place:
        (place / "a").write_text("new")
        (place / "folder").mkdir()
        (place / "folder" / "new").touch()
        assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a", "folder", "other"]
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path / "folder") == ["new"]


def test_after_an_error_everything_is_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt), files.atomic_folder(folder) as place:
            (place / "a").write_text("half")
            raise KeyboardInterrupt
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "half").touch()
    with files.atomic_folder(tmp_path) as place:
        (place / "a").touch()
    assert names(tmp_path) == ["a"]


def test_a_cache_lies_where_it_is_told_or_in_the_users(tmp_path, monkeypatch):
    assert files.cache_folder("things", str(tmp_path / "here")) == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.cache_folder("things", "~/here") == tmp_path / "here"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert files.cache_folder("things") == tmp_path / "cache" / "mosaickd_tf" / "things"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.cache_folder("things") == tmp_path / ".cache" / "mosaickd_tf" / "things"
