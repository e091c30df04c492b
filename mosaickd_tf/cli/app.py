"""Frame of every command: flags, log messages, errors as exit codes."""

import errno
import logging
import os
import pathlib
import shlex
import sys
import traceback
import warnings

from mosaickd_tf.cli import flags, listings
from mosaickd_tf.config import TerminalConfig
from mosaickd_tf.errors import Interrupted, RequestError, RunError
from mosaickd_tf.utils import environment, files, memory, signals, streams
from mosaickd_tf.utils.text import printable

_READER_LEFT = 128 + 13  # as of a program that SIGPIPE ends
_UTF8 = "PYTHONUTF8"


def main(usage, sections, work):
    """Runs a command and exits.

    Exit codes: 0 done, 2 the request is wrong, 3 the run could not continue, 130 and 143 stopped
    by a signal, 141 done but the reader of the output went away, 1 a defect of this package.

    Args:
        usage: first part of `--help`.
        sections: dict from names to subclasses of `ConfigSection`; that of the terminal is added.
        work: function of the parsed sections, given by name.
    """
    _use_utf8()
    streams.set_up()
    environment.set_up_command()
    code = _run(usage, {**sections, "terminal": TerminalConfig}, work, sys.argv[1:])
    sys.exit(_flushed(code))


def _use_utf8():
    """Starts Python again where the locale would keep it from names and texts in UTF-8."""
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get(_UTF8) == "1":
        return
    os.environ[_UTF8] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _flushed(code):
    """Writes what is buffered; returns the exit code of a command that ended with `code`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not files.is_disk_full(error):
            raise
        return code or _fail(f"No space left for the output ({error})", 3)
    return _READER_LEFT if code == 0 and streams.reader_left() else code


def _run(usage, sections, work, argv):
    names = flags.names(sections)
    try:
        parsed = flags.parse(sections, argv)
        if parsed is None:
            print(flags.help_text(usage, sections))
            return 0
        # By default TensorFlow uses oneDNN's kernels on the newest processors only; on an older
        # one (AVX2) they run a round of the quick start in two thirds of the time.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        _set_up_terminal(parsed.pop("terminal").verbose)
        with signals.sigterm_raises():
            work(**parsed)
    except flags.ListingRequested as request:
        _set_up_terminal(False)  # the table may need a library that logs
        print(listings.text(str(request)))
    except RequestError as error:
        return _fail(flags.with_dashes(str(error), names), 2)
    except RunError as error:
        return _fail(flags.with_dashes(str(error), names), 3)
    except Interrupted as interruption:
        message = f"{interruption}. To resume: {_command(argv)}"
        return _fail(message, 128 + interruption.signal)
    except KeyboardInterrupt:
        return _fail(f"stopped. To resume: {_command(argv)}", 130)
    except BrokenPipeError:  # the reader of our output is gone
        sys.stdout = open(os.devnull, "w")
        return _READER_LEFT
    except Exception as error:
        return _fail_unexpectedly(error, names)
    return 0


def _fail_unexpectedly(error, names):
    """Reports what disk or memory refused in one line; a defect by its traceback."""
    if files.is_disk_full(error):
        return _fail(f"No space left on the disk. Files written before are intact ({error})", 3)
    is_refused = isinstance(error, PermissionError)
    if is_refused or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return _fail(f"Permission denied: {error}. Choose a writable folder", 2)
    if memory.is_exhausted(error):
        message = f"Out of memory ({memory.reason(error)}). {memory.ADVICE}"
        return _fail(flags.with_dashes(message, names), 3)
    traceback.print_exc()
    return 1


def _fail(message, code):
    print(f"{_program()}: {printable(' '.join(str(message).split()))}", file=sys.stderr)
    return code


def _program():
    """Returns the name of the command: `bin/distill` or `mosaickd-distill`."""
    path = pathlib.Path(sys.argv[0])
    return f"bin/{path.stem}" if path.suffix == ".py" else path.name


def _command(argv):
    return shlex.join([_program(), *argv])


def _set_up_terminal(verbose):
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_BarHandler()])
    logging.getLogger("mosaickd_tf").setLevel(logging.INFO)
    if not verbose:
        _silence_tensorflow()


def _silence_tensorflow():
    """Keeps TensorFlow's messages off the terminal.

    Some come from C++ before its log level is read, straight to file descriptor 2; so this
    package's errors get a copy of that descriptor, and the original is discarded.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    sys.stderr.flush()
    sys.stderr = streams.LastingStream(os.dup(2), sys.stderr.encoding)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


class _BarHandler(logging.Handler):
    """Writes log lines above a progress bar instead of through it."""

    def emit(self, record):
        from tqdm import tqdm  # here: `--help` does not need it

        tqdm.write(self.format(record), file=sys.stdout)
        sys.stdout.flush()
