"""The way of a config from the command to the first round: it enters no file twice."""

import collections
import pathlib
import sys

import pytest

import mosaickd_tf
from mosaickd_tf.config import DistillConfig
from mosaickd_tf.pipeline import run
from tests.pipeline.small_run import Stopped, changed

PACKAGE = f"{pathlib.Path(mosaickd_tf.__file__).parent}/"

pytestmark = pytest.mark.usefixtures("eagerly")


class ConfigTracer:
    """Records the calls inside the package that pass a `DistillConfig` into another file.

    Attributes:
        entries: list of (file, function, caller's file and line, number of the config).
    """

    def __init__(self):
        self.entries = []
        self._frames = []  # a generator's frame is called at each step
        self._configs = []

    def __call__(self, frame, event, _):
        """Receives an event of `sys.setprofile`."""
        code = frame.f_code
        is_made = code.co_name == "__post_init__"  # its own constructor takes no other's config
        if event != "call" or not code.co_filename.startswith(PACKAGE) or is_made:
            return
        configs = [x for x in arguments(frame) if isinstance(x, DistillConfig)]
        if not configs or any(known is frame for known in self._frames):
            return
        self._frames.append(frame)
        caller = frame.f_back
        while caller and not caller.f_code.co_filename.startswith((PACKAGE, __file__)):
            caller = caller.f_back  # of the standard library, or generated
        if caller.f_code.co_filename == code.co_filename:
            return
        place = f"{short(caller.f_code.co_filename)}:{caller.f_lineno}"
        for config in configs:
            entry = short(code.co_filename), code.co_qualname, place, self._number(config)
            self.entries.append(entry)

    def _number(self, config):
        """Numbers configs by identity: each baseline has one of its own."""
        for number, known in enumerate(self._configs):
            if known is config:
                return number
        self._configs.append(config)
        return len(self._configs) - 1


def arguments(frame):
    """Yields the arguments of a call, those in tuples, lists and dicts one by one."""
    code = frame.f_code
    starred = sum(bool(code.co_flags & flag) for flag in (0x04, 0x08))  # *args, **kwargs
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + starred]:
        value = frame.f_locals.get(name)
        if isinstance(value, dict):
            value = tuple(value.values())
        yield from value if isinstance(value, tuple | list) else (value,)


def short(file):
    return file.removeprefix(PACKAGE)


def entries_of_a_run(config, folder, monkeypatch):
    """Returns what a `ConfigTracer` recorded from the start of a run to its training."""

    def train(*_, **__):
        sys.setprofile(None)
        raise Stopped

    monkeypatch.setattr(run, "train", train)
    tracer = ConfigTracer()
    before = sys.getprofile()
    try:
        sys.setprofile(tracer)
        run.run(config, folder)
    except Stopped:
        pass
    finally:
        sys.setprofile(before)
    return tracer.entries


@pytest.mark.parametrize("compared", [(), ("kd",)])
def test_a_config_enters_no_file_twice(compared, tmp_path, monkeypatch):
    config = changed("method", compare_with=compared)
    entries = entries_of_a_run(config, tmp_path, monkeypatch)
    counts = collections.Counter((file, number) for file, _, _, number in entries)
    assert {"pipeline/run.py", "pipeline/validate.py", "pipeline/build.py"} <= {
        f for f, _ in counts
    }
    twice = [entry for entry in entries if counts[entry[0], entry[3]] > 1]
    lines = [f"{file}: {function} from {place}" for file, function, place, _ in twice]
    assert not lines, "\n".join(lines)
