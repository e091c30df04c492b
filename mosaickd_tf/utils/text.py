"""Text from elsewhere, as it may be shown."""


def printable(text):
    r"""Escapes what a terminal or a line of a file would obey or could not hold.

    Args:
        text: any string: control characters, line ends, bytes that were no text.

    Returns:
        The same text with each such character as Python writes it: `\n`, `\x1b`, `\udcff`.
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def as_name(text):
    """A name as one printable line; two names that differ stay different."""
    return printable(text.replace("\\", "\\\\"))


def _escaped(character):
    return character.encode("unicode_escape").decode("ascii")
