"""Picture files from elsewhere: found without being trusted, decoded within bounds.

A file that cannot be read is `Broken`: it is skipped, counted and listed, and too many of
them end the request.
"""

import dataclasses
import os
import pathlib
import stat
import warnings

from PIL import Image

from mosaickd_tf.data.images import as_shown
from mosaickd_tf.errors import RequestError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
MAX_PIXELS = 2**26  # of a picture: 8,192 × 8,192; decoded, about 270 MB in four channels
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")  # not EPS, for which Pillow runs a program
_NAMED = 3  # so many broken files are named in a refusal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Broken:
    """A file that was skipped.

    Attributes:
        path: where it lies; what is not text in its name is kept by surrogates.
        reason: what is wrong with it, in words.
    """

    path: str
    reason: str


class BrokenPicture(ValueError):
    """A picture that cannot be read; the argument says why."""


def find(root):
    """Picture files below a folder, in an order that no file system changes.

    Nothing is opened but folders. Links are followed to files inside of the folder alone;
    linked folders, pipes and devices are never entered or opened.

    Args:
        root: a folder, a `pathlib.Path`.

    Returns:
        `(paths, broken)`: paths relative to the root, as strings, sorted; a list of `Broken`.
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
                        broken.append(Broken(path=os.path.join(root, path), reason=reason))
                    elif _is_picture(entry.name):
                        paths.append(path)
        except OSError as error:
            place = os.path.join(root, folder)
            broken.append(Broken(path=place, reason=f"a folder not read: {error.strerror}"))
    return sorted(paths), sorted(broken, key=lambda fault: fault.path)


def _fault(entry, root):
    """Why an entry that is no folder is not to be opened; None when it may be, or is no picture."""
    if entry.is_file(follow_symlinks=False):
        return None
    try:
        kind = entry.stat().st_mode
    except OSError as error:
        return f"a link to nowhere: {error.strerror}" if _is_picture(entry.name) else None
    if stat.S_ISDIR(kind):
        return "a linked folder, not followed"
    if not _is_picture(entry.name):
        return None
    if not stat.S_ISREG(kind):
        return "not a file but a pipe, a socket or a device"
    if not _is_inside(os.path.realpath(entry.path), root):
        return "a link that leads out of the folder"
    return None


def _is_inside(path, root):
    return os.path.commonpath([path, root]) == root


def _is_picture(name):
    return os.path.splitext(name)[1].lower() in SUFFIXES


def read(path):
    """Reads a picture from a file; its content says of which format it is.

    The first image of an animation; upright, 8 bits a channel, on white where it is
    transparent (`images.as_shown`). The size stands in the header and is checked before
    anything is decoded.

    Args:
        path: the file.

    Returns:
        A PIL image of mode L or RGB.

    Raises:
        BrokenPicture: with a reason in words.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a broken file Pillow warns before it gives up
            with Image.open(path, formats=_FORMATS) as picture:
                _check_size(picture)
                picture.load()
            return as_shown(picture)
    except BrokenPicture:
        raise
    except Exception as error:  # Pillow raises whatever a broken file leads it to
        raise BrokenPicture(_words(error, path)) from error


def _check_size(picture):
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise BrokenPicture(f"{width:,}×{height:,} pixels, more than {MAX_PIXELS:,} in all")
    if not width * height:
        raise BrokenPicture("no pixels")


def _words(error, path):
    if isinstance(error, Image.UnidentifiedImageError):
        empty = not os.path.getsize(path)
        return "an empty file" if empty else f"none of {', '.join(_FORMATS)} by its content"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS:,} pixels"
    return next(iter(str(error).splitlines()), "") or type(error).__name__


class Skipped:
    """The files of a data set that were skipped, and how many may be.

    Args:
        name: of the data set.
        most: how many of its files may be broken: a share of them below 1, else a number.
        files: how many there are.
        broken: those that are known to be, `Broken`.

    Raises:
        RequestError: when they are too many.
    """

    def __init__(self, name, most, files, broken=()):
        self._name, self._most, self._files = name, most, files
        self._allowed = int(most * files if most < 1 else most)
        self.broken = list(broken)
        self._check()

    def add(self, path, reason):
        """Keeps a broken file.

        Raises:
            RequestError: when it is one too many.
        """
        self.broken.append(Broken(path=str(path), reason=reason))
        self._check()

    def _check(self):
        if len(self.broken) <= self._allowed:
            return
        shown = "; ".join(f"{fault.path!r} ({fault.reason})" for fault in self.broken[:_NAMED])
        more = ", ..." if len(self.broken) > _NAMED else ""
        raise RequestError(
            f"Broken image files: too many of the {self._files:,} of {self._name!r}. Expected at "
            f"most {self._allowed:,}, as --max_broken={self._most:g} says. Received: at least "
            f"{len(self.broken):,}: {shown}{more}. Repair or remove them, or raise --max_broken"
        )


def part_folder(root, name):
    """The folder of a part of a data set below its root, or None where there is none.

    Raises:
        RequestError: for a link that leads out of the root.
    """
    path = pathlib.Path(root, name)
    if not path.is_dir():
        return None
    if not _is_inside(os.path.realpath(path), os.path.realpath(root)):
        raise RequestError(
            f"A link that leads out of its data set. Expected a folder inside of {str(root)!r}. "
            f"Received: {str(path)!r}, which leads to {os.path.realpath(path)!r}. Name the folder "
            "that holds it, or copy it there"
        )
    return path
