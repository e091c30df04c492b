"""A folder that one process at a time works in."""

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
_ANSWERS = {
    errno.EWOULDBLOCK: _TAKEN,
    errno.ENOLCK: _UNKNOWN,
    errno.ENOSYS: _UNKNOWN,
    errno.EOPNOTSUPP: _UNKNOWN,
}


class Lock:
    """The right to work in a folder, held until it is released or the process ends.

    The system's own lock on a file says whether somebody holds it, so that a killed process
    leaves none in the way; what stands in the file says who. Where the file system has no such
    locks, the process that is named there counts as holding it while it is alive, and one of
    another machine always.

    Args:
        folder: an existing folder that can be written.

    Raises:
        RequestError: when another live process holds it.
        OSError: when the folder cannot be written.
    """

    def __init__(self, folder):
        self._path = pathlib.Path(folder) / NAME
        self._descriptor, answer = _open(self._path)
        try:
            owner = _read(self._descriptor)
            if answer == _TAKEN or (answer == _UNKNOWN and _may_live(owner)):
                raise _refusal(self._path, owner)
            self._take(owner)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self):
        """Gives the folder free; nothing is left of the lock."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()  # while it is held: whoever opened it before looks again
        os.close(self._descriptor)

    def _take(self, owner):
        if owner:
            logger.warning(
                "the work folder was held by process %s on %s, which is gone; taking it over",
                owner.get("process"),
                owner.get("host"),
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(_myself()).encode(), 0)
        os.fsync(self._descriptor)


def _open(path):
    """A descriptor of the file, and what the system says of its lock."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _ANSWERS:
                return descriptor, _ANSWERS[error.errno]
            os.close(descriptor)
            raise
        if _is_at(descriptor, path):
            return descriptor, _OURS
        os.close(descriptor)  # the former owner has just removed it


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


def _myself():
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "started": started(os.getpid()),
    }


def started(process):
    """When a process of this machine began, in clock ticks since the machine did; None if unknown.

    With it a number that the system has given to another process since is told from its owner.
    """
    try:
        text = pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])  # the name before may hold anything


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
    return owner.get("started") == started(owner["process"])


def _refusal(path, owner):
    who = "another process"
    if owner:
        who = f"process {owner.get('process')} on {owner.get('host')}"
    return RequestError(
        f"A run is at work in this folder. Expected --workdir to be free. Received: "
        f"{str(path.parent)!r}, held by {who}. Wait for it, stop it, or choose another; if it is "
        f"long dead, remove {str(path)!r}"
    )
