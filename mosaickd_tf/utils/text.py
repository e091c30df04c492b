"""Text from external sources, made safe and short enough to show."""

import codecs


def first_line(error):
    """Returns the first line of an error's message, or the name of its class if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def cause(error):
    """Returns the innermost reason that an error of Keras reports, in one line.

    Keras wraps the reason in the description of each object around it.
    """
    marks = ("Exception encountered:", "Error encountered during deserialization:")
    text = str(error)
    for mark in marks:
        text = text.rsplit(mark, 1)[-1]
    return first_line(text) if text.strip() else type(error).__name__


def encoding_of(path):
    """Returns the encoding of a text file as editors write it, to open the file with.

    Args:
        path: of a file in UTF-8 with or without a byte-order mark, or in UTF-16 with one.

    Returns:
        "utf-8-sig" or "utf-16", which both leave the mark out.

    Raises:
        OSError: when the file cannot be read.
    """
    with open(path, "rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def printable(text):
    r"""Escapes characters that would control a terminal or break a line of a file.

    Args:
        text: any string, including control characters, line ends and undecodable bytes.

    Returns:
        The same text with each such character in Python's notation: `\n`, `\x1b`, `\udcff`.
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def as_name(text):
    """Returns a printable one-line name; different names stay different."""
    return printable(text.replace("\\", "\\\\"))


def _escaped(character):
    return character.encode("unicode_escape").decode("ascii")


def by_sides(shape):
    """Returns a shape as users write it, as "96x96x3"; a side of None is open and shown as "?"."""
    return "x".join("?" if side is None else str(side) for side in shape)
