"""Untrusted image files: discovery without following links out, decoding within limits.

A file that cannot be read is skipped and recorded as a `BrokenFile`; too many of them fail the
request.
"""

import dataclasses
import os
import stat
import typing
import warnings

from PIL import Image

from mosaickd_tf.data import image_formats
from mosaickd_tf.data.images import as_displayed
from mosaickd_tf.utils.text import first_line

MAX_PIXELS = 2**26  # of an image: 8,192 × 8,192; decoded, about 270 MB in four channels
LINKED_FOLDER = "a linked folder, not followed"
LEADS_OUT = "a link that leads out of the folder"
UNREADABLE_FOLDER = "an unreadable folder"


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


class Found(typing.NamedTuple):
    """The files below a folder.

    Attributes:
        paths: those of the images, strings relative to the folder, sorted.
        broken: list of `BrokenFile`, by path.
        passed_over: dict from the suffixes of all other files, "" for none, to lists of their
            number and the first path; without hidden files and what systems leave in folders.
    """

    paths: list
    broken: list
    passed_over: dict


def find(root):
    """Finds the image files below a folder, in an order independent of the file system.

    Files are known by suffix, those of an unknown suffix by their first bytes. Links are followed
    only to files inside of the folder; linked folders, pipes and devices are never entered or
    opened. Hidden files and folders, and those that systems leave behind, are passed over.

    Args:
        root: a folder, a `pathlib.Path`.

    Returns:
        A `Found`.
    """
    inside, suffixes = os.path.realpath(root), image_formats.read_suffixes()
    found, folders = Found([], [], {}), [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    if image_formats.is_clutter(entry.name):
                        continue
                    path = os.path.join(folder, entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path)
                    else:
                        _add(found, entry, path, root, inside, suffixes)
        except OSError as error:
            path = os.path.join(root, folder)
            reason = f"{UNREADABLE_FOLDER}: {error.strerror}"
            found.broken.append(BrokenFile(path=path, reason=reason))
    found.paths.sort()
    found.broken.sort(key=lambda fault: fault.path)
    return found


def _add(found, entry, path, root, inside, suffixes):
    """Adds a file to what was found."""
    suffix = image_formats.suffix(entry.name)
    is_image = suffix in suffixes
    if reason := _fault(entry, inside, is_image):
        found.broken.append(BrokenFile(path=os.path.join(root, path), reason=reason))
    elif is_image or _is_image_by_content(entry, inside):
        found.paths.append(path)
    else:
        count = found.passed_over.setdefault(suffix, [0, path])
        count[0] += 1


def _is_image_by_content(entry, inside):
    if image_formats.is_text(entry.name) or not entry.is_file():
        return False
    if entry.is_symlink() and not is_inside(os.path.realpath(entry.path), inside):
        return False
    return image_formats.format_of_content(entry.path) in image_formats.read_formats()


def _fault(entry, root, is_image):
    """Returns why an entry must not be opened; None if it may be, or is no image."""
    if entry.is_file(follow_symlinks=False):
        return None
    try:
        kind = entry.stat().st_mode
    except OSError as error:
        return f"a dangling link: {error.strerror}" if is_image else None
    if stat.S_ISDIR(kind):
        return LINKED_FOLDER
    if not is_image:
        return None
    if not stat.S_ISREG(kind):
        return "a pipe, a socket or a device, not a file"
    if not is_inside(os.path.realpath(entry.path), root):
        return LEADS_OUT
    return None


def is_inside(path, root):
    """Returns whether a resolved path is a resolved folder or below it."""
    return os.path.commonpath([path, root]) == root


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
            with Image.open(path, formats=image_formats.formats_of(path)) as image:
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
        if not os.path.getsize(path):
            return "an empty file"
        if image_formats.format_of_content(path) == "HEIF":
            return f"HEIC by its content; {image_formats.advice('.heic')} reads it"
        return f"none of {', '.join(image_formats.formats_of(path))} by its content"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS:,} pixels"
    return first_line(error)
