"""What every command does around its work: flags, silence, errors as exit codes."""

import errno
import logging
import os
import pathlib
import shlex
import sys
import traceback
import warnings

from tqdm import tqdm

from mosaickd_tf.cli import flags, listings
from mosaickd_tf.config import TerminalConfig
from mosaickd_tf.errors import Interrupted, RequestError, RunError
from mosaickd_tf.utils import files, signals
from mosaickd_tf.utils.text import printable


def main(usage, topics, work):
    """Runs a command and exits.

    Exit codes: 0 done, 2 the request is wrong, 3 the run could not go on, 130 and 143
    stopped by a signal, 1 a defect of ours.

    Args:
        usage: what `--help` says first.
        topics: dict from names to dataclasses of options; how to speak on the terminal
            is added.
        work: function of the parsed topics, given by name.
    """
    sys.exit(_run(usage, {**topics, "terminal": TerminalConfig}, work, sys.argv[1:]))


def _run(usage, topics, work, argv):
    try:
        parsed = flags.parse(topics, argv)
        if parsed is None:
            print(flags.help_text(usage, topics))
            return 0
        # By itself TensorFlow takes oneDNN's kernels on the newest processors only; on an older
        # one (AVX2) they play a round of the quick start in two thirds of the time.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        _set_up_terminal(parsed.pop("terminal").verbose)
        with signals.raised():
            work(**parsed)
    except flags.ListingAsked as asked:
        _set_up_terminal(False)  # the table may need a library that talks
        print(listings.text(str(asked)))
    except RequestError as error:
        return _complain(error, 2)
    except RunError as error:
        return _complain(error, 3)
    except Interrupted as interruption:
        return _complain(f"{interruption}. To go on: {_command(argv)}", 128 + interruption.signal)
    except KeyboardInterrupt:
        return _complain(f"stopped. To go on: {_command(argv)}", 130)
    except BrokenPipeError:  # whoever read our output went away
        sys.stdout = open(os.devnull, "w")
        return 1
    except Exception as error:
        return _unforeseen(error)
    return 0


def _unforeseen(error):
    """Says what the disk refused; a defect of ours is shown whole."""
    if files.is_for_want_of_room(error):
        return _complain(f"No room left on the disk. What there was is intact ({error})", 3)
    is_refused = isinstance(error, PermissionError)
    if is_refused or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return _complain(f"Not allowed: {error}. Choose a folder that can be written", 2)
    traceback.print_exc()
    return 1


def _complain(message, code):
    print(f"{_program()}: {printable(' '.join(str(message).split()))}", file=sys.stderr)
    return code


def _program():
    """The command as it was called: `bin/distill` or `mosaickd-distill`."""
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
    """Keeps TensorFlow's messages off the terminal: our words only.

    Some come from C++ before its log level is read, straight to file descriptor 2; so our
    own errors get a copy of that descriptor, and the original leads nowhere.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


class _BarHandler(logging.Handler):
    """Writes lines above a progress bar instead of through it."""

    def emit(self, record):
        tqdm.write(self.format(record), file=sys.stdout)
        sys.stdout.flush()
