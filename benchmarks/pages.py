"""Sections of Markdown pages that scripts write, each between two comments.

<!-- NAME:begin -->
...
<!-- NAME:end -->
"""

import pathlib
import re

from mosaickd_tf.utils import files

ROOT = pathlib.Path(__file__).resolve().parents[1]


def read_section(path, name):
    """Returns the text between the two comments of a section.

    Raises:
        ValueError: unless the page has that section exactly once.
    """
    return _find(path, name)[2]


def write_section(path, name, text):
    """Replaces the text between the two comments of a section.

    Raises:
        ValueError: unless the page has that section exactly once.
    """
    match = _find(path, name)
    page = match.string
    files.write_text(path, page[: match.start(2)] + text + page[match.end(2) :])


def markdown_table(rows):
    """Returns a Markdown table; the first row is its head, cells are strings."""
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body]) + "\n"


def _find(path, name):
    page = pathlib.Path(path).read_text(encoding="utf-8")
    pattern = rf"(<!-- {re.escape(name)}:begin -->\n)(.*?)(<!-- {re.escape(name)}:end -->)"
    found = list(re.finditer(pattern, page, re.DOTALL))
    if len(found) != 1:
        raise ValueError(
            f"`name` must be a section that the page has once. Expected <!-- {name}:begin --> and "
            f"<!-- {name}:end --> in {str(path)!r}. Received: {len(found)} of them"
        )
    return found[0]
