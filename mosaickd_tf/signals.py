"""Signals that ask a run to stop."""

import signal
import threading


class SignalWatch:
    """Notes SIGINT and SIGTERM while a block runs, so that the loop in it can stop in order.

    A second signal acts at once, as it would have without this.

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
        self._restore()

    def _note(self, number, _frame):
        self.signal = number
        self._restore()

    def _restore(self):
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)
