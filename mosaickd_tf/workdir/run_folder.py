"""The folder of a run: which run lives in it, and what every run leaves behind."""

import contextlib
import pathlib
import shlex

from mosaickd_tf.config import DistillConfig, assignment, options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.utils.lock import Lock

# How a run guards itself, which may be otherwise when it goes on.
_MAY_CHANGE = ("--checkpoint_every", "--checkpoint_minutes", "--on_divergence")


class RunFolder:
    """A work folder that holds one run, the same flags from first to last, one process at a time.

    It is a context manager: the folder is given free at its end.

    Args:
        path: the folder; made if it is not there.
        config: the config of the run, of several topics.
        resume: whether a run of the same flags may go on.

    Raises:
        RequestError: when the folder holds another run, or any with `resume` off, or a live
            process works in it, or it cannot be written.
    """

    def __init__(self, path, config, resume=True):
        self.path = pathlib.Path(path)
        self._flags = self.path / "flags.cfg"
        wanted = as_flagfile(config)
        self._check_same(wanted, resume)
        with _said(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path)
        try:
            self._check_same(wanted, resume)  # nobody can change it any more
            with _said(self.path):
                files.write_text(self._flags, wanted)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lock.release()

    @classmethod
    def opened(cls, path):
        """The folder of a run that is added to: its flags stay as they are.

        Raises:
            RequestError: when a live process works in it, or it cannot be written.
        """
        folder = cls.__new__(cls)
        folder.path = pathlib.Path(path)
        with _said(folder.path):
            folder._lock = Lock(folder.path)
        return folder

    def __truediv__(self, name):
        return self.path / name

    def _check_same(self, wanted, resume):
        if not self._flags.is_file():
            return
        where = f"The work folder {str(self.path)!r} holds a run already"
        if not resume:
            raise RequestError(f"{where}. Choose another --workdir, or leave --resume on")
        there = self._flags.read_text(encoding="utf-8", errors="replace")
        theirs = _binding(there) - _binding(wanted)
        ours = _binding(wanted) - _binding(there)
        if theirs or ours:
            raise RequestError(
                f"{where}, of other flags. Expected: {' '.join(sorted(theirs)) or 'fewer'}. "
                f"Received: {' '.join(sorted(ours)) or 'fewer'}. Choose another --workdir"
            )


def _binding(flagfile):
    """The lines of a flagfile but for those of options that a run may change on its way."""
    lines = set(flagfile.splitlines())
    return {line for line in lines if line.partition("=")[0] not in _MAY_CHANGE}


@contextlib.contextmanager
def _said(path):
    """Says that a folder cannot be written, unless it is for want of room."""
    try:
        yield
    except OSError as error:
        if files.is_for_want_of_room(error):
            raise  # not the request's fault
        raise RequestError(
            f"Cannot write to the work folder. Expected a writable folder. Received: "
            f"--workdir={str(path)!r} ({error.strerror}). Choose another"
        ) from error


def as_flagfile(config):
    """Every option of a config as a line `--name=value`."""
    return "".join(f"--{assignment(name, value)}\n" for name, value in options(config))


def as_command(asked):
    """The command that repeats a distillation, but for its work folder.

    Args:
        asked: dict from options to values, as the `config` of a result.json.

    Returns:
        One line: `bin/distill` and every flag that is not at its default.
    """
    default = {assignment(*option) for option in options(DistillConfig())}
    words = [assignment(*option) for option in asked.items()]
    return shlex.join(["bin/distill", *(f"--{word}" for word in words if word not in default)])
