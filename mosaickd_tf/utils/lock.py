"""A lock on a folder that one process at a time may use."""

import contextlib
import errno
import fcntl
import json
import logging
import os
import pathlib
import socket

from mosaickd_tf.errors import RequestError

logger = logging.getLogger(__name__)

NAME = ".lock"
_OURS, _TAKEN, _UNKNOWN = "ours", "taken", "unknown"
_STATES = {
    errno.EWOULDBLOCK: _TAKEN,
    errno.ENOLCK: _UNKNOWN,
    errno.ENOSYS: _UNKNOWN,
    errno.EOPNOTSUPP: _UNKNOWN,
}


class Lock:
    """Exclusive lock on a folder, held until it is released or the process ends.

    The system's lock on a file decides whether it is held, so that a killed process leaves
    none behind; the content of the file names the owner. On a file system without locks, the
    named process counts as the owner while it is alive, and one of another machine always.

    Args:
        folder: an existing, writable folder.

    Raises:
        RequestError: when another live process holds the lock.
        OSError: when the folder cannot be written.
    """

    def __init__(self, folder):
        self._path = pathlib.Path(folder) / NAME
        self._descriptor, state = _open(self._path)
        try:
            owner = _read(self._descriptor)
            if state == _TAKEN or (state == _UNKNOWN and _may_live(owner)):
                raise _held_error(self._path, owner)
            self._take(owner)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self):
        """Releases the lock and removes its file."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()  # while it is held: a process that has it open retries
        os.close(self._descriptor)

    def _take(self, owner):
        if owner:
            logger.warning(
                "`workdir` was locked by process %s on %s, which has ended; taking over the lock",
                owner.get("process"),
                owner.get("host"),
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(_this_process()).encode(), 0)
        os.fsync(self._descriptor)


def _open(path):
    """Opens the file; returns its descriptor and the state of its lock."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _STATES:
                return descriptor, _STATES[error.errno]
            os.close(descriptor)
            raise
        if _is_at(descriptor, path):
            return descriptor, _OURS
        os.close(descriptor)  # the former owner has just removed the file


def _is_at(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _read(descriptor):
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _this_process():
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "started": start_time(os.getpid()),
    }


def start_time(process):
    """Returns when a process started, in clock ticks since boot; None if unknown.

    Distinguishes a process from a later one of the same id.
    """
    try:
        text = pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])  # the name before it may contain anything


def _may_live(owner):
    if not owner:
        return False
    if owner.get("host") != socket.gethostname():
        return True
    try:
        os.kill(int(owner["process"]), 0)
    except (KeyError, TypeError, ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return owner.get("started") == start_time(owner["process"])


def _held_error(path, owner):
    who = "another process"
    if owner:
        who = f"process {owner.get('process')} on {owner.get('host')}"
    return RequestError(
        f"Another run uses this folder. Expected an unlocked `workdir`. Received: "
        f"{str(path.parent)!r}, held by {who}. Wait for it, stop it, or choose another; if it "
        f"has ended, remove {str(path)!r}"
    )
