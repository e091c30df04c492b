"""The folder of a run: which run lives in it, and what every run leaves behind."""

import errno
import pathlib
import shlex

from mosaickd_tf import files
from mosaickd_tf.config import DistillConfig, assignment, options
from mosaickd_tf.errors import RequestError


class RunFolder:
    """A work folder that holds one run, the same flags from first to last.

    Args:
        path: the folder; made if it is not there.
        config: the config of the run, of several topics.
        resume: whether a run of the same flags may go on.

    Raises:
        RequestError: when the folder holds another run, or any with `resume` off, or cannot
            be written.
    """

    def __init__(self, path, config, resume=True):
        self.path = pathlib.Path(path)
        self._flags = self.path / "flags.cfg"
        wanted = as_flagfile(config)
        if self._flags.is_file():
            self._check_same(self._flags.read_text(encoding="utf-8"), wanted, resume)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            files.write_text(self._flags, wanted)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # not the request's fault
            raise RequestError(
                f"Cannot write to the work folder. Expected a writable folder. Received: "
                f"--workdir={str(path)!r} ({error.strerror})"
            ) from error

    @classmethod
    def opened(cls, path):
        """The folder of a run that is only read, or added to: its flags stay as they are."""
        folder = cls.__new__(cls)
        folder.path = pathlib.Path(path)
        return folder

    def __truediv__(self, name):
        return self.path / name

    def _check_same(self, there, wanted, resume):
        where = f"The work folder {str(self.path)!r} holds a run already"
        if not resume:
            raise RequestError(f"{where}. Choose another --workdir, or leave --resume on")
        if there != wanted:
            theirs = set(there.splitlines()) - set(wanted.splitlines())
            ours = set(wanted.splitlines()) - set(there.splitlines())
            raise RequestError(
                f"{where}, of other flags. Expected: {' '.join(sorted(theirs)) or 'fewer'}. "
                f"Received: {' '.join(sorted(ours)) or 'fewer'}. Choose another --workdir"
            )


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
