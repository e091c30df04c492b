"""Exclusive locks on a folder, and their takeover from ended processes."""

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
from mosaickd_tf.utils.lock import NAME, Lock, start_time

HOLD = """if True:
    import sys, time
    from mosaickd_tf.utils.lock import Lock

    Lock(sys.argv[1])
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds the lock until it is killed."""
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
    myself = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "started": start_time(os.getpid()),
    }
    (folder / NAME).write_text(json.dumps(myself | owner))


def test_the_file_names_the_owner_and_is_removed_at_the_end(tmp_path):
    held = Lock(tmp_path)
    owner = json.loads((tmp_path / NAME).read_text())
    assert owner["process"] == os.getpid()
    assert owner["host"] == socket.gethostname()
    assert owner["started"] == start_time(os.getpid())
    held.release()
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path).release()


def test_a_live_owner_is_named_and_not_disturbed(tmp_path, holder):
    with pytest.raises(RequestError) as caught:
        Lock(tmp_path)
    message = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()}" in message
    assert "`workdir`" in message and len(message.splitlines()) == 1
    assert json.loads((tmp_path / NAME).read_text())["process"] == holder.pid
    assert holder.poll() is None


def test_the_lock_of_a_killed_process_is_taken_over_with_a_log_line(tmp_path, holder, caplog):
    kill(holder)
    Lock(tmp_path).release()
    assert f"process {holder.pid} on {socket.gethostname()}, which has ended" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1, 2]", b'{"process": "x"}'])
def test_an_unreadable_lock_file_is_replaced(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    Lock(tmp_path).release()


def test_a_process_that_opened_the_file_before_its_removal_retries(tmp_path, monkeypatch):
    """Prevents two owners: one of the removed file and one of the new file."""
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


def test_a_missing_folder_raises_the_system_s_error(tmp_path):
    with pytest.raises(OSError):
        Lock(tmp_path / "nowhere")


class TestWithoutSystemLocks:
    """File systems without locks, as some network file systems are."""

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
        ids=["no such process", "another process of its id", "no number", "none"],
    )
    def test_a_dead_owner_does_not(self, tmp_path, owner, caplog):
        write_owner(tmp_path, **owner)
        Lock(tmp_path).release()
        assert "which has ended" in caplog.text

    def test_an_owner_on_another_machine_may_live(self, tmp_path):
        write_owner(tmp_path, host="elsewhere")
        with pytest.raises(RequestError, match="on elsewhere") as caught:
            Lock(tmp_path)
        assert f"remove {str(tmp_path / NAME)!r}" in str(caught.value)


def test_the_start_time_of_a_process_is_constant(tmp_path, holder):
    assert start_time(holder.pid) == start_time(holder.pid) >= start_time(os.getpid())
    assert start_time(2**22 + 1) is None
