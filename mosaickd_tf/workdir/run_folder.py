"""The folder of a run while it is written: its flags, and the process that works in it."""

import contextlib
import pathlib
import shlex

from mosaickd_tf.config import DistillConfig, assignment, options, with_options
from mosaickd_tf.config.earlier import EARLIER
from mosaickd_tf.config.paths import absolute_options
from mosaickd_tf.config.removed import is_removed
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.utils.lock import Lock
from mosaickd_tf.workdir import inputs

# Options of safety and checkpoints, which may differ when a run is resumed. With the same images,
# `max_broken` decides on nothing but whether it starts.
_MAY_CHANGE = ("checkpoint_every", "checkpoint_minutes", "max_broken", "on_divergence")
_CHOSEN = ("rounds", "batch_size")  # by the program, where they are 0


class RunFolder:
    """Work folder of one run, with the same options from first to last, one process at a time.

    It is a context manager, which releases the folder at its end.

    Args:
        path: of the folder, which is created if it does not exist.
        config: of the run, in sections.
        resume: whether a run of the same options may be resumed.

    The hashes of what a run starts from are recorded. A run that is resumed must have the same;
    it may have moved.

    Raises:
        RequestError: when the folder holds another run, or one of other inputs, or any with
            `resume` off, or another process works in it, or it cannot be written.
    """

    def __init__(self, path, config, resume=True):
        self.path = pathlib.Path(path)
        self._flags = self.path / "flags.cfg"
        given = dict(options(config))
        hashes = inputs.hashes(given)
        self._check_same(config, given, resume, hashes)
        with _refused(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path)
        try:
            # Under the lock, so that nobody changes it any more.
            self._check_same(config, given, resume, hashes)
            with _refused(self.path):
                if not self._flags.is_file():  # the run starts now
                    inputs.write(self.path, hashes)
                files.write_text(self._flags, as_flagfile(given))
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

    @property
    def hashes(self):
        """The recorded hashes of what the run started from; empty for an earlier version."""
        return inputs.read(self.path)

    def _check_same(self, config, given, resume, hashes):
        if not self._flags.is_file():
            return
        where = f"The work folder {str(self.path)!r} holds a run already"
        if not resume:
            raise RequestError(f"{where}. Choose another `workdir`, or set `resume`")
        recorded = self.hashes
        found = _binding(self._flags.read_text(encoding="utf-8", errors="replace"), config)
        wanted = _binding(as_flagfile(given), config)
        at_same_path = {n: v for n, v in recorded.items() if found.get(n) == wanted.get(n)}
        remedy = "Put back what it was, or choose another `workdir`"
        inputs.check_same(at_same_path, hashes, given, remedy)
        same = {name for name in recorded if recorded[name] == hashes.get(name)}
        found, wanted = _lines(found, same), _lines(wanted, same)
        if found != wanted:
            raise RequestError(
                f"{where}, of other flags. Expected: {' '.join(sorted(found - wanted)) or 'fewer'}."
                f" Received: {' '.join(sorted(wanted - found)) or 'fewer'}. Choose another "
                "`workdir`"
            )


def _binding(flagfile, config):
    """Returns the options of a flagfile that must be the same when a run is resumed.

    Of a file of an earlier version options that no longer exist are left out, if they had no
    effect, and options that it lacks are as that version ran. Paths are absolute.

    Args:
        flagfile: text of the file.
        config: one with the same options.

    Returns:
        A dict from names to values as text.

    Raises:
        RequestError: for an option that no longer exists and had an effect.
    """
    defaults = dict(options(type(config)()))
    defaults |= {name: EARLIER[name] for name in EARLIER if name in defaults}
    found = dict(_assignment(*option) for option in defaults.items())
    absolute = absolute_options(config)
    for line in flagfile.splitlines():
        name, _, value = line.removeprefix("--").partition("=")
        if not is_removed(name, value):
            found[name] = absolute[name](value) if name in absolute else value
    return {name: value for name, value in found.items() if name not in _MAY_CHANGE}


def _assignment(name, value):
    return name, assignment(name, value).partition("=")[2]


def _lines(found, same):
    """Returns options as a set of lines, without those whose content is known to be the same."""
    return {f"--{name}={value}" for name, value in found.items() if name not in same}


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


def as_started(config, path):
    """Returns the config of a run that is resumed, with what the program chose at its start.

    Args:
        config: a `DistillConfig`.
        path: the work folder, in which a run may have been started.
    """
    flags = pathlib.Path(path) / "flags.cfg"
    if not flags.is_file():
        return config
    lines = flags.read_text(encoding="utf-8", errors="replace").splitlines()
    found = dict(line.removeprefix("--").split("=", 1) for line in lines if "=" in line)
    chosen = {
        name: int(found[name])
        for name in _CHOSEN
        if not getattr(config.optimization, name) and found.get(name, "").isdecimal()
    }
    if config.optimization.recipe == "auto":
        chosen["recipe"] = found.get("recipe", EARLIER["recipe"])
    return with_options(config, optimization=chosen)


def as_flagfile(given):
    """Returns options, a dict from names to values, as lines `--name=value`."""
    return "".join(f"--{assignment(*option)}\n" for option in given.items())


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
