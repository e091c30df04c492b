"""Text from elsewhere, made harmless to show."""

import pytest

from mosaickd_tf.utils.text import as_name, printable


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain, 'quoted', <b>ünï</b>", "plain, 'quoted', <b>ünï</b>"),
        ("two\nlines", r"two\nlines"),
        ("\x1b[2J\x00\r", r"\x1b[2J\x00\r"),
        (b"\xff.png".decode("utf-8", "surrogateescape"), r"\udcff.png"),
        ("right\u202eleft\u2028", r"right\u202eleft\u2028"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert printable(text) == shown
    assert printable(text).isprintable()
    assert printable(shown) == shown


def test_names_that_differ_stay_different():
    names = ["a\nb", r"a\nb", r"a\\nb", "a\\\nb"]
    assert len({as_name(name) for name in names}) == len(names)
    assert as_name("cat") == "cat"
