"""Text from external sources, made safe to show."""

import codecs

import pytest

from mosaickd_tf.utils.text import as_name, by_sides, cause, encoding_of, first_line, printable


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
def test_control_characters_are_escaped(text, shown):
    assert printable(text) == shown
    assert printable(text).isprintable()
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "content",
    [
        "añ\n".encode(),
        codecs.BOM_UTF8 + "añ\n".encode(),
        codecs.BOM_UTF16_LE + "añ\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "añ\n".encode("utf-16-be"),
    ],
)
def test_text_has_no_byte_order_mark(tmp_path, content):
    path = tmp_path / "text"
    path.write_bytes(content)
    assert path.read_text(encoding=encoding_of(path)) == "añ\n"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xff", b"a\x80"])
def test_bytes_that_are_no_text_are_not_decoded(tmp_path, content):
    path = tmp_path / "bytes"
    path.write_bytes(content)
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding=encoding_of(path))


def test_different_names_stay_different():
    names = ["a\nb", r"a\nb", r"a\\nb", "a\\\nb"]
    assert len({as_name(name) for name in names}) == len(names)
    assert as_name("cat") == "cat"


@pytest.mark.parametrize(
    "error, expected",
    [
        (ValueError("one line"), "one line"),
        (ValueError("\n  first\nsecond"), "first"),
        (ValueError("carriage\r\nreturn"), "carriage"),
        (ValueError(""), "ValueError"),
        (KeyError(), "KeyError"),
        (RuntimeError(" \n "), "RuntimeError"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
    ],
)
def test_the_first_line_of_an_error_is_that_of_its_message_else_its_class(error, expected):
    assert first_line(error) == expected


@pytest.mark.parametrize(
    "message, expected",
    [
        ("one reason\nmore", "one reason"),
        ("", "ValueError"),
        (
            "<class Dense> could not be deserialized.\n\nconfig={}.\n\n"
            "Exception encountered: bad units\nUse others",
            "bad units",
        ),
        ("Exception encountered: Error encountered during deserialization:\ninner", "inner"),
        ("Exception encountered: ", "ValueError"),
    ],
)
def test_the_cause_is_the_innermost_reason_in_one_line(message, expected):
    assert cause(ValueError(message)) == expected


def test_a_shape_is_written_by_its_sides():
    assert by_sides((None, 96, 3)) == "?x96x3"
