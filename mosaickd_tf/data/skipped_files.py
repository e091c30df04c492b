"""The files of a data set that are skipped, up to a maximum, or passed over by their suffix."""

import itertools
import math

from mosaickd_tf.data import image_formats
from mosaickd_tf.data.image_files import (
    LEADS_OUT,
    LINKED_FOLDER,
    UNREADABLE_FOLDER,
    BrokenFile,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import as_name

DEFAULT_SHARE = 0.01  # of `max_broken`: with it, a few files of a small folder may be broken too
_FEW = 3
_NAMED = 3  # broken files that an error names
_MOST_READ = 20_000  # files that are read on, to say how many are broken


class SkippedFiles:
    """The skipped files of a data set, up to a maximum.

    Args:
        name: name of the data set.
        max_broken: how many of its files may be broken: a share of them below 1, else a number;
            0.01 also allows 3 files, as long as they are less than half.
        num_files: number of its files.
        broken: known broken ones, `BrokenFile`.
        read_on: function that yields a `BrokenFile` or None for each file that was not read yet;
            with too many, it is called to say how many there are.

    Attributes:
        broken: list of the `BrokenFile` so far.

    Raises:
        RequestError: when there are too many.
    """

    def __init__(self, name, max_broken, num_files, broken=(), read_on=None):
        self._name, self._max_broken, self._num_files = name, max_broken, num_files
        self._read_on = read_on
        self._allowed = int(max_broken * num_files if max_broken < 1 else max_broken)
        self.broken = list(broken)
        if max_broken == DEFAULT_SHARE and not any(map(_is_folder, self.broken)):
            self._allowed = max(self._allowed, min(_FEW, (num_files - 1) // 2))
        self._check()

    def add(self, path, reason):
        """Adds a broken file.

        Raises:
            RequestError: when there are too many now.
        """
        self.broken.append(BrokenFile(path=str(path), reason=reason))
        self._check()

    def _check(self):
        if len(self.broken) <= self._allowed:
            return
        shown = "; ".join(f"{fault.path!r} ({fault.reason})" for fault in self.broken[:_NAMED])
        more = ", ..." if len(self.broken) > _NAMED else ""
        known = len(self.broken)
        found, would_do = self._count()
        raise RequestError(
            f"Broken image files: too many of the {self._num_files:,} of {self._name!r}. Expected "
            f"at most {self._allowed:,} by `max_broken`={self._max_broken:g}. Received: {found}: "
            f"{shown}{more}. {_repair(self.broken[:known])}{would_do}"
        )

    def _count(self):
        """Returns how many files are broken, and the value of `max_broken` that would do."""
        if self._read_on is None:
            return f"at least {len(self.broken):,}", ", or raise `max_broken`"
        known, read = len(self.broken), 0
        for fault in itertools.islice(self._read_on(), _MOST_READ):
            read += 1
            known += fault is not None
        if known >= self._num_files:
            return f"{known:,}", ""
        if read < _MOST_READ:
            return f"{known:,}", f", or pass `max_broken`={known}"
        share = math.ceil(100 * min(0.98, known / read)) / 100
        return f"at least {known:,}", f", or raise `max_broken`, perhaps to {share + 0.01:.2f}"


def _is_folder(fault):
    return fault.reason == LINKED_FOLDER or fault.reason.startswith(UNREADABLE_FOLDER)


def _repair(broken):
    if any(fault.reason in (LEADS_OUT, LINKED_FOLDER) for fault in broken):
        return "Copy what the links lead to (cp -rL FOLDER COPY) and name the copy"
    return "Repair or remove them"


def passed_over_in_words(passed_over):
    """Returns how many files were passed over, by suffix, the most frequent first.

    Args:
        passed_over: as of `image_files.Found`.
    """
    parts = []
    for suffix, (count, example) in sorted(passed_over.items(), key=lambda item: -item[1][0]):
        name = as_name(suffix) if suffix else "without suffix"
        hint = "" if image_formats.is_text(example) else f" ({image_formats.advice(suffix)})"
        parts.append(f"{count:,} {name}{hint}")
    return ", ".join(parts[:8]) + (", ..." if len(parts) > 8 else "")


def passed_over_as_broken(folder, passed_over):
    """Returns a `BrokenFile` for each suffix of files that were passed over but those of text."""
    return tuple(
        BrokenFile(
            path=f"{folder}/{example}",
            reason=f"one of {count:,} files {suffix or 'without suffix'} that are not read: "
            f"{image_formats.advice(suffix)}",
        )
        for suffix, (count, example) in passed_over.items()
        if not image_formats.is_text(example)
    )


def check_most_are_read(name, num_images, passed_over):
    """Raises `RequestError` where more files were passed over than images were found.

    Args:
        name: name of the data set.
        num_images: number of image files, broken ones among them.
        passed_over: as of `image_files.Found`; files of text are not counted.
    """
    others = {
        suffix: entry
        for suffix, entry in passed_over.items()
        if not image_formats.is_text(entry[1])
    }
    count = sum(count for count, _ in others.values())
    if count > num_images:
        raise RequestError(
            f"Most files of {name!r} cannot be read. Expected image files. Received: "
            f"{num_images:,} of them beside {passed_over_in_words(others)}. Do that, or copy the "
            "images into a folder of their own"
        )
