"""Untrusted image files: discovery without following links out, decoding within limits.

A file that cannot be read is skipped and recorded as a `BrokenFile`; too many of them fail the
request.
"""

import dataclasses
import os
import pathlib
import stat
import warnings

from PIL import Image

from mosaickd_tf.data.images import as_displayed
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
MAX_PIXELS = 2**26  # of an image: 8,192 × 8,192; decoded, about 270 MB in four channels
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")  # not EPS, for which Pillow runs a program
_NAMED = 3  # broken files that an error names


@dataclasses.dataclass(frozen=True, kw_only=True)
class BrokenFile:
    """A file that was skipped.

    Attributes:
        path: its path; undecodable bytes are kept as surrogates.
        reason: the fault, as text.
    """

    path: str
    reason: str


class BrokenImageError(ValueError):
    """An image that cannot be read; the message is the reason."""


def find(root):
    """Finds the image files below a folder, in an order independent of the file system.

    Only folders are opened. Links are followed only to files inside of the folder; linked
    folders, pipes and devices are never entered or opened.

    Args:
        root: a folder, a `pathlib.Path`.

    Returns:
        `(paths, broken)`: paths relative to the root, as strings, sorted; a list of `BrokenFile`.
    """
    inside = os.path.realpath(root)
    paths, broken, folders = [], [], [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    path = os.path.join(folder, entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path)
                    elif reason := _fault(entry, inside):
                        broken.append(BrokenFile(path=os.path.join(root, path), reason=reason))
                    elif _is_image(entry.name):
                        paths.append(path)
        except OSError as error:
            path = os.path.join(root, folder)
            broken.append(BrokenFile(path=path, reason=f"an unreadable folder: {error.strerror}"))
    return sorted(paths), sorted(broken, key=lambda fault: fault.path)


def _fault(entry, root):
    """Returns why an entry must not be opened; None if it may be, or is no image."""
    if entry.is_file(follow_symlinks=False):
        return None
    try:
        kind = entry.stat().st_mode
    except OSError as error:
        return f"a dangling link: {error.strerror}" if _is_image(entry.name) else None
    if stat.S_ISDIR(kind):
        return "a linked folder, not followed"
    if not _is_image(entry.name):
        return None
    if not stat.S_ISREG(kind):
        return "a pipe, a socket or a device, not a file"
    if not _is_inside(os.path.realpath(entry.path), root):
        return "a link that leads out of the folder"
    return None


def _is_inside(path, root):
    return os.path.commonpath([path, root]) == root


def _is_image(name):
    return os.path.splitext(name)[1].lower() in SUFFIXES


def read(path):
    """Decodes an image file; the format is detected from its content.

    Returns the first image of an animation; upright, 8 bits a channel, transparent pixels on
    white (`images.as_displayed`). The size in the header is checked before decoding.

    Args:
        path: the file.

    Returns:
        A PIL image of mode L or RGB.

    Raises:
        BrokenImageError: with the reason.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about a broken file before it raises
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(image)
                image.load()
            return as_displayed(image)
    except BrokenImageError:
        raise
    except Exception as error:  # a broken file makes Pillow raise anything
        raise BrokenImageError(_reason(error, path)) from error


def _check_size(image):
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BrokenImageError(f"{width:,}×{height:,} pixels, more than {MAX_PIXELS:,} in total")
    if not width * height:
        raise BrokenImageError("no pixels")


def _reason(error, path):
    if isinstance(error, Image.UnidentifiedImageError):
        empty = not os.path.getsize(path)
        return "an empty file" if empty else f"none of {', '.join(_FORMATS)} by its content"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS:,} pixels"
    return first_line(error)


class SkippedFiles:
    """The skipped files of a data set, up to a maximum.

    Args:
        name: name of the data set.
        max_broken: how many of its files may be broken: a share of them below 1, else a number.
        num_files: number of its files.
        broken: known broken ones, `BrokenFile`.

    Attributes:
        broken: list of the `BrokenFile` so far.

    Raises:
        RequestError: when there are too many.
    """

    def __init__(self, name, max_broken, num_files, broken=()):
        self._name, self._max_broken, self._num_files = name, max_broken, num_files
        self._allowed = int(max_broken * num_files if max_broken < 1 else max_broken)
        self.broken = list(broken)
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
        raise RequestError(
            f"Broken image files: too many of the {self._num_files:,} of {self._name!r}. Expected "
            f"at most {self._allowed:,} by `max_broken`={self._max_broken:g}. Received: at least "
            f"{len(self.broken):,}: {shown}{more}. Repair or remove them, or raise `max_broken`"
        )


def split_folder(root, name):
    """Returns the folder of a split of a data set, or None where there is none.

    Raises:
        RequestError: for a link that leads out of the root.
    """
    path = pathlib.Path(root, name)
    if not path.is_dir():
        return None
    if not _is_inside(os.path.realpath(path), os.path.realpath(root)):
        raise RequestError(
            f"A link out of its data set. Expected a folder inside of {str(root)!r}. Received: "
            f"{str(path)!r}, which leads to {os.path.realpath(path)!r}. Pass the folder that "
            "contains it, or copy it there"
        )
    return path
