"""One process at a time works in a folder, and a dead one never stands in the way."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import lock
from mosaickd_tf.utils.lock import NAME, Lock, started

HOLD = """if True:
    import sys, time
    from mosaickd_tf.utils.lock import Lock

    Lock(sys.argv[1])
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the folder until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def write_owner(folder, **owner):
    myself = {"process": os.getpid(), "host": socket.gethostname(), "started": started(os.getpid())}
    (folder / NAME).write_text(json.dumps(myself | owner))


def test_the_owner_stands_in_the_file_and_nothing_is_left_at_the_end(tmp_path):
    held = Lock(tmp_path)
    owner = json.loads((tmp_path / NAME).read_text())
    assert owner["process"] == os.getpid()
    assert owner["host"] == socket.gethostname()
    assert owner["started"] == started(os.getpid())
    held.release()
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path).release()


def test_a_live_owner_is_named_and_left_alone(tmp_path, holder):
    with pytest.raises(RequestError) as caught:
        Lock(tmp_path)
    message = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()}" in message
    assert "--workdir" in message and len(message.splitlines()) == 1
    assert json.loads((tmp_path / NAME).read_text())["process"] == holder.pid
    assert holder.poll() is None


def test_the_lock_of_a_killed_process_is_taken_over_and_that_is_said(tmp_path, holder, caplog):
    kill(holder)
    Lock(tmp_path).release()
    assert f"process {holder.pid} on {socket.gethostname()}, which is gone" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1, 2]", b'{"process": "x"}'])
def test_a_file_that_says_nothing_of_use_is_in_nobodys_way(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    Lock(tmp_path).release()


def test_who_opened_the_file_before_it_was_removed_looks_again(tmp_path, monkeypatch):
    """Else two would hold one folder: one the file that is gone, one that in its place."""
    flock, calls = fcntl.flock, []

    def removed_before(descriptor, how):
        if not calls:
            (tmp_path / NAME).unlink()
        calls.append(how)
        flock(descriptor, how)

    monkeypatch.setattr(lock.fcntl, "flock", removed_before)
    held = Lock(tmp_path)
    assert len(calls) == 2
    assert (tmp_path / NAME).is_file()
    held.release()


def test_a_folder_that_cannot_be_written_is_the_systems_word(tmp_path):
    with pytest.raises(OSError):
        Lock(tmp_path / "nowhere")


class TestWithoutLocksOfTheSystem:
    """Some network file systems have none."""

    @pytest.fixture(autouse=True)
    def none(self, monkeypatch):
        def flock(descriptor, how):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(lock.fcntl, "flock", flock)

    def test_a_live_owner_counts(self, tmp_path):
        held = Lock(tmp_path)
        with pytest.raises(RequestError, match=f"process {os.getpid()} on"):
            Lock(tmp_path)
        held.release()

    @pytest.mark.parametrize(
        "owner",
        [{"process": 2**22 + 1}, {"started": 1}, {"process": "x"}, {"process": None}],
        ids=["no such process", "another one of its number", "no number", "none"],
    )
    def test_a_dead_owner_does_not(self, tmp_path, owner, caplog):
        write_owner(tmp_path, **owner)
        Lock(tmp_path).release()
        assert "which is gone" in caplog.text

    def test_an_owner_on_another_machine_may_live(self, tmp_path):
        write_owner(tmp_path, host="elsewhere")
        with pytest.raises(RequestError, match="on elsewhere") as caught:
            Lock(tmp_path)
        assert f"remove {str(tmp_path / NAME)!r}" in str(caught.value)


def test_a_process_has_begun_once(tmp_path, holder):
    assert started(holder.pid) == started(holder.pid) >= started(os.getpid())
    assert started(2**22 + 1) is None
