"""Reads untrusted flagfiles within bounds, whatever they include."""

import os
import pathlib
import stat

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import encoding_of

MAX_BYTES = 1_000_000  # of all flagfiles of a command together
MAX_FILES = 200  # counted as often as they are included


class Reader:
    """Reads flagfiles and those that they include.

    Args:
        included: from a line to the path that it includes, or None.
    """

    def __init__(self, included):
        self._included = included
        self._bytes = self._files = 0

    def lines(self, path, outer=()):
        """Returns the flags of a file in order, with those of the files that it includes.

        Args:
            path: the file.
            outer: the paths through which it was reached.

        Raises:
            RequestError: for a file that is missing, not text, too large, or included in a loop.
        """
        if path in outer:
            raise _refusal(path, "it includes itself, " + " > ".join(map(repr, (*outer, path))))
        found = []
        for line in map(str.strip, self._text(path).splitlines()):
            inner = self._included(line)
            if inner:
                found += self.lines(inner, (*outer, path))
            elif line and not line.startswith(("#", "//")):
                found.append(line)
        return found

    def _text(self, path):
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):  # a pipe would wait for a writer for ever
                raise _refusal(path, "it is no file")
            self._files += 1
            self._bytes += status.st_size
            if self._bytes > MAX_BYTES or self._files > MAX_FILES:
                raise _refusal(
                    path, f"more than {MAX_BYTES:,} bytes or {MAX_FILES:,} files with it"
                )
            return pathlib.Path(path).read_text(encoding=encoding_of(path))
        except OSError as error:
            raise _refusal(path, error.strerror) from error
        except ValueError as error:  # no UTF-8, or a path that no system can hold
            if isinstance(error, RequestError):
                raise
            raise _refusal(path, str(error)) from error


def _refusal(path, reason):
    return RequestError(
        "Not a flagfile. Expected a text file with a flag on each line. Received: "
        f"--flagfile={path!r} ({reason}). Name another"
    )
