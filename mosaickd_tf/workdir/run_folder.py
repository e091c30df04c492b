"""The folder of a run while it is written: its flags, and the process that works in it."""

import contextlib
import pathlib
import shlex

from mosaickd_tf.config import DistillConfig, assignment, options
from mosaickd_tf.config.removed import is_removed
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.utils.lock import Lock

# Options of safety and checkpoints, which may differ when a run is resumed.
_MAY_CHANGE = ("--checkpoint_every", "--checkpoint_minutes", "--on_divergence")


class RunFolder:
    """Work folder of one run, with the same options from first to last, one process at a time.

    It is a context manager, which releases the folder at its end.

    Args:
        path: of the folder, which is created if it does not exist.
        config: of the run, in sections.
        resume: whether a run of the same options may be resumed.

    Raises:
        RequestError: when the folder holds another run, or any with `resume` off, or another
            process works in it, or it cannot be written.
    """

    def __init__(self, path, config, resume=True):
        self.path = pathlib.Path(path)
        self._flags = self.path / "flags.cfg"
        self._check_same(config, resume)
        with _refused(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path)
        try:
            self._check_same(config, resume)  # under the lock, so that nobody changes it any more
            with _refused(self.path):
                files.write_text(self._flags, as_flagfile(config))
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lock.release()

    @classmethod
    def opened(cls, path):
        """Opens the folder of an existing run to add to it; its flags stay as they are.

        Raises:
            RequestError: when another process works in it, or it cannot be written.
        """
        folder = cls.__new__(cls)
        folder.path = pathlib.Path(path)
        with _refused(folder.path):
            folder._lock = Lock(folder.path)
        return folder

    def __truediv__(self, name):
        return self.path / name

    def _check_same(self, config, resume):
        if not self._flags.is_file():
            return
        where = f"The work folder {str(self.path)!r} holds a run already"
        if not resume:
            raise RequestError(f"{where}. Choose another `workdir`, or set `resume`")
        defaults = as_flagfile(type(config)())
        found = self._flags.read_text(encoding="utf-8", errors="replace")
        found, wanted = _binding(found, defaults), _binding(as_flagfile(config), defaults)
        if found != wanted:
            raise RequestError(
                f"{where}, of other flags. Expected: {' '.join(sorted(found - wanted)) or 'fewer'}."
                f" Received: {' '.join(sorted(wanted - found)) or 'fewer'}. Choose another "
                "`workdir`"
            )


def _binding(flagfile, defaults):
    """Returns the lines of a flagfile that must be the same when a run is resumed.

    Of a file of an earlier version options that no longer exist are left out, if they had no
    effect, and options that it lacks are at their defaults.

    Args:
        flagfile: text of the file.
        defaults: text of a flagfile with all options at their defaults.

    Raises:
        RequestError: for an option that no longer exists and had an effect.
    """
    lines = {line.partition("=")[0]: line for line in defaults.splitlines()}
    for line in flagfile.splitlines():
        name, _, value = line.partition("=")
        if not is_removed(name.removeprefix("--"), value):
            lines[name] = line
    return {line for name, line in lines.items() if name not in _MAY_CHANGE}


@contextlib.contextmanager
def _refused(path):
    """Turns the refusal of a folder into a `RequestError`; a full disk stays an `OSError`."""
    try:
        yield
    except OSError as error:
        if files.is_disk_full(error):
            raise  # not the request's fault
        raise RequestError(
            "Cannot write to the work folder. Expected a writable folder. Received: "
            f"workdir={str(path)!r} ({error.strerror}). Choose another"
        ) from error


def as_flagfile(config):
    """Returns every option of a config as a line `--name=value`."""
    return "".join(f"--{assignment(name, value)}\n" for name, value in options(config))


def as_command(given):
    """Returns the command that repeats a distillation, without its work folder.

    Args:
        given: dict from options to values, as the `config` of a result.json.

    Returns:
        One line: `bin/distill` and every flag that is not at its default.
    """
    default = {assignment(*option) for option in options(DistillConfig())}
    words = [assignment(*option) for option in given.items()]
    return shlex.join(["bin/distill", *(f"--{word}" for word in words if word not in default)])
