"""Handling of the signals that stop a run."""

import contextlib
import signal
import threading

from mosaickd_tf.errors import Interrupted


class SignalWatch:
    """Context manager that records SIGINT and SIGTERM, so that a loop can stop cleanly.

    A second signal acts immediately: SIGINT by its former handler, SIGTERM by ending the
    process.

    Attributes:
        signal: number of the received signal, or None.
    """

    def __init__(self):
        self.signal = None
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._record)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number, _frame):
        self.signal = number
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def sigterm_raises():
    """Raises `Interrupted` on SIGTERM in a block, as SIGINT raises `KeyboardInterrupt`.

    So that partial files are removed, and the command prints how to resume.
    """
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise(number, _frame):
    raise Interrupted(number)
