"""Flagfiles of others: loops, trees without end, pipes, bytes that are no text."""

import os

import pytest

from mosaickd_tf.cli import flagfiles
from mosaickd_tf.cli.flagfiles import Reader
from mosaickd_tf.errors import RequestError


def included(line):
    """The path behind `--flagfile=`, as the commands see it."""
    name, _, path = line.partition("=")
    return path if name == "--flagfile" else None


def read(path):
    return Reader(included).lines(str(path))


def refusal(path):
    with pytest.raises(RequestError) as caught:
        read(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "Expected a text file" in message
    return message


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_file_stands_where_it_is_included_without_comments(tmp_path):
    inner = write(tmp_path / "inner.cfg", "--b=2", "// why", "", "  --c=ü")
    outer = write(tmp_path / "outer.cfg", "# why", "--a=1", f"--flagfile={inner}", "--d=4")
    assert read(outer) == ["--a=1", "--b=2", "--c=ü", "--d=4"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_an_editor_of_windows_is_read(tmp_path, encoding):
    path = tmp_path / "windows.cfg"
    path.write_bytes("--a=1\r\n\r\n# why\r\n--b=ü\r\n".encode(encoding))
    assert read(path) == ["--a=1", "--b=ü"]


def test_a_file_may_be_included_twice_but_not_by_itself(tmp_path):
    inner = write(tmp_path / "inner.cfg", "--a=1")
    twice = write(tmp_path / "twice.cfg", f"--flagfile={inner}", f"--flagfile={inner}")
    assert read(twice) == ["--a=1", "--a=1"]
    write(inner, f"--flagfile={twice}")
    assert "it includes itself" in refusal(twice)
    itself = write(tmp_path / "itself.cfg", f"--flagfile={tmp_path}/itself.cfg")
    assert "it includes itself" in refusal(itself)


def test_a_tree_that_doubles_at_each_level_is_refused(tmp_path):
    """Of 40 small files, which would be read 2^40 times."""
    for level in range(40):
        write(tmp_path / f"{level}.cfg", *2 * [f"--flagfile={tmp_path}/{level + 1}.cfg"])
    write(tmp_path / "40.cfg", "--a=1")
    assert f"{flagfiles.MAX_FILES} files" in refusal(tmp_path / "0.cfg")


def test_a_chain_that_names_itself_otherwise_each_time_is_refused(tmp_path):
    """`./` before a path makes another name of it."""
    write(tmp_path / "a.cfg", f"--flagfile={tmp_path}/./a.cfg", f"--flagfile={tmp_path}//a.cfg")
    assert "it includes itself" in refusal(tmp_path / "a.cfg")


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(flagfiles, "MAX_BYTES", 10)
    assert read(write(tmp_path / "small.cfg", "--a=1")) == ["--a=1"]
    assert "10 bytes" in refusal(write(tmp_path / "large.cfg", "--a=1", "--b=2"))


def test_what_is_no_text_file_is_refused_by_its_path(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    (tmp_path / "binary").write_bytes(b"\x89\xfe")
    for name, reason in (("pipe", "no file"), ("binary", "decode"), ("none", "No such file")):
        message = refusal(tmp_path / name)
        assert reason in message and repr(str(tmp_path / name)) in message
    assert "no file" in refusal(tmp_path) and "no file" in refusal("/dev/zero")
    assert "null" in refusal("a\0b") and "too long" in refusal("x" * 10_000)
