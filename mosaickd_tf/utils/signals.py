"""Signals that ask a run to stop."""

import contextlib
import signal
import threading

from mosaickd_tf.errors import Interrupted


class SignalWatch:
    """Notes SIGINT and SIGTERM while a block runs, so that the loop in it can stop in order.

    A second signal acts at once: SIGINT as it would have without this, SIGTERM by ending the
    process.

    Attributes:
        signal: number of the signal that came, or None.
    """

    def __init__(self):
        self.signal = None
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, _frame):
        self.signal = number
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def raised():
    """Makes SIGTERM in a block an `Interrupted`, as SIGINT is a `KeyboardInterrupt`.

    Files that are being written are then cleared away, and the command says how to go on.
    """
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise(number, _frame):
    raise Interrupted(number)
