"""Standard streams that are closed, take ASCII only, or lose their reader."""

import fcntl
import io
import os
import sys


class LastingStream(io.TextIOWrapper):
    """Text to a file descriptor; without a reader it goes nowhere instead of raising.

    Characters that the encoding lacks are escaped.

    Attributes:
        reader_left: whether the reader of a pipe went away.
    """

    reader_left = False

    def __init__(self, descriptor, encoding=None):
        raw = io.FileIO(descriptor, "w", closefd=False)
        super().__init__(
            io.BufferedWriter(raw),
            encoding=encoding or "utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )

    def write(self, text):
        """Writes text; returns the number of its characters."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self):
        """Writes what is buffered."""
        try:
            super().flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self):
        self.reader_left = True
        _to_null(self.fileno())
        super().flush()


def set_up():
    """Makes standard output and error usable, whatever they are connected to.

    Closed descriptors are connected to the null device first: otherwise the next file that is
    opened takes their number, and gets what is written to them. Where the shell has opened its
    script under such a number, it can only be read.
    """
    for descriptor, wrong in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            access = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError:
            access = wrong
        if access == wrong:
            _to_null(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        former = getattr(sys, name)
        encoding = former.encoding if former else None
        if former:
            former.flush()
        setattr(sys, name, LastingStream(descriptor, encoding))


def reader_left():
    """Returns whether the reader of standard output went away."""
    return getattr(sys.stdout, "reader_left", False)


def _to_null(descriptor):
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)
    os.set_inheritable(descriptor, True)
