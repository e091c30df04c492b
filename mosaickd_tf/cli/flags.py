"""Flags derived from the sections of a config: names, defaults, help texts."""

import dataclasses
import pathlib
import re
import textwrap
import typing

from absl import flags

from mosaickd_tf.cli.flagfiles import Reader
from mosaickd_tf.config import flag_name
from mosaickd_tf.config.removed import REMOVED, is_removed, removed_option
from mosaickd_tf.errors import RequestError

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
_LONGEST = 100  # characters of a flag's name
_WORDS = {int: "an integer", float: "a number"}


def parse(sections, argv):
    """Reads a command line.

    Args:
        sections: dict from any name to a subclass of `ConfigSection`.
        argv: the arguments after the command's name.

    Returns:
        Dict from the same names to instances, or None for `--help`.

    Raises:
        ListingRequested: for the value `help` of a flag that has a table of its values.
        RequestError: for a wrong flag, value or flagfile.
    """
    values = _Values()
    values.__dict__["_reader"] = Reader(values._included)  # absl takes attributes for flags
    flags.DEFINE_boolean("help", False, "Show this help.", short_name="h", flag_values=values)
    for section in sections.values():
        for field in dataclasses.fields(section):
            _define(field, values)
    try:
        rest = values(["command", *_with_equals(argv)])
    except flags.Error as error:
        raise _refusal(error) from error
    if values.help:
        return None
    if len(rest) > 1:
        raise RequestError(
            f"Not a flag. Expected flags that start with --. Received: {rest[1]!r}. See --help"
        )
    for section in sections.values():
        for field in dataclasses.fields(section):
            if field.metadata["listing"] and _is_help(values[flag_name(field)].value):
                raise ListingRequested(field.metadata["listing"])
    try:
        return {name: _section(section, values) for name, section in sections.items()}
    except RequestError as error:
        raise RequestError(f"{error}. See --help") from error


def _section(section, values):
    """Builds a section from the values of its flags."""
    fields = dataclasses.fields(section)
    return section(**{f.name: _value(values[flag_name(f)].value) for f in fields})


def names(sections):
    """Returns the names of the flags of all sections, a set."""
    fields = [f for section in sections.values() for f in dataclasses.fields(section)]
    return {flag_name(field) for field in fields}


def with_dashes(message, names):
    """Returns an error message in which the names of flags have dashes.

    Library code names arguments, as `image_size`; on the command line that is `--image_size`.

    Args:
        message: of an error.
        names: of the command's flags.
    """

    def dashed(match):
        return f"--{match[1]}" if match[1] in names else match[0]

    return re.sub(r"`(\w+)`", dashed, message)


def configs():
    """Returns the folder of the flagfiles: inside the package, or beside it in a clone."""
    installed = PACKAGE / "configs"
    return installed if installed.is_dir() else PACKAGE.parent / "configs"


class ListingRequested(Exception):
    """A table of the values of a flag was requested; the argument names the table."""


def help_text(usage, sections):
    """Returns the help of a command, flags grouped by section.

    Args:
        usage: purpose of the command, and examples.
        sections: as in `parse`.

    Returns:
        Text of several lines.
    """
    lines = [usage.strip(), "", "--flagfile=PATH reads flags from a file; later flags win."]
    for section in sections.values():
        lines += ["", f"{section.__doc__.rstrip('.')}:"]
        for field in dataclasses.fields(section):
            lines += _described(field)
    return "\n".join(lines)


def _refusal(error):
    """Returns the `RequestError` for an error of absl."""
    message = " ".join(str(error).split())
    if isinstance(error, flags.UnrecognizedFlagError) and error.flagname in REMOVED:
        return removed_option(error.flagname)
    if isinstance(error, flags.UnrecognizedFlagError):
        _, _, hint = message.partition(". ")
        question = f" {hint.replace(' :', ':')}" if hint else ""
        return RequestError(
            "Unknown flag. Expected one of those that --help lists. Received: "
            f"--{error.flagname}.{question} See --help"
        )
    wrong = re.fullmatch(r"flag (--[^=]*=.*): (.*)", message)
    expected, received = (wrong[2], wrong[1]) if wrong else ("--name=value", message)
    if "Non-boolean" in expected:
        expected = "true or false"
    expected = expected.removeprefix("expected ")
    return RequestError(f"Wrong flag. Expected {expected}. Received: {received}. See --help")


class _Values(flags.FlagValues):
    """Flags whose flagfiles, nested ones too, may be those of the package."""

    def _extract_filename(self, flagfile_str):
        return _found(super()._extract_filename(flagfile_str))

    def _get_flag_file_lines(self, filename, parsed_file_stack=None):
        return self._reader.lines(filename)

    def read_flags_from_files(self, argv, force_gnu=True):
        """Returns the arguments of a command with those of its flagfiles.

        Flags that no longer exist are dropped where their value did nothing, as in the flagfile
        of a run of an earlier version. Names that are too long are refused: for an unknown name
        absl looks for similar ones, by recursion.
        """
        words = []
        for word in super().read_flags_from_files(argv, force_gnu):
            name, _, value = word.partition("=")
            if word.startswith("-") and is_removed(name.lstrip("-"), value):
                continue
            words.append(word)
            if word.startswith("-") and len(name) > _LONGEST:
                raise RequestError(
                    "Unknown flag. Expected one of those that --help lists. Received: "
                    f"{name[:_LONGEST]!r}... of {len(name):,} characters. See --help"
                )
        return words

    def _included(self, line):
        return self._extract_filename(line) if self._is_flag_file_directive(line) else None


class _Parser(flags.ArgumentParser):
    """Parses a number, or raises an error that names the expected kind."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def parse(self, argument):
        try:
            return self.kind(argument)
        except ValueError:
            raise ValueError(f"expected {_WORDS[self.kind]}") from None


class _ListParser(flags.ListParser):
    """Parses values with commas between them as a list of one kind."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def parse(self, argument):
        if isinstance(argument, list):
            return argument
        try:
            return [self.kind(word) for word in super().parse(argument)]
        except ValueError:
            raise ValueError("expected numbers with commas between them") from None


def _define(field, values):
    name, text = flag_name(field), field.metadata["help"]
    kind = typing.get_origin(field.type) or field.type
    if kind is bool:
        flags.DEFINE_boolean(name, field.default, text, flag_values=values)
    elif kind is tuple:
        parser = _ListParser(typing.get_args(field.type)[0])
        flags.DEFINE(parser, name, list(field.default), text, flag_values=values)
    elif kind is str or field.metadata["parse"]:
        flags.DEFINE_string(name, str(field.default), text, flag_values=values)
    else:
        parser = _Parser(int if field.metadata["choices"] else kind)
        flags.DEFINE(parser, name, field.default, text, flag_values=values)


def _is_help(value):
    return value in ("help", ["help"])


def _value(value):
    return tuple(value) if isinstance(value, list) else value


def _described(field):
    rule, default = field.metadata, field.default
    text = rule["help"]
    if rule["choices"]:
        text += f" One of: {', '.join(map(str, rule['choices']))}."
    if rule["listing"]:
        text += " `help` prints a table."
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    if shown:
        text += f" [{shown.lower() if isinstance(default, bool) else shown}]"
    return [f"  --{flag_name(field)}", *textwrap.wrap(text, 88, **_INDENT)]


_INDENT = {"initial_indent": " " * 6, "subsequent_indent": " " * 6}


def _with_equals(argv):
    """Yields arguments, `--flagfile PATH` as one word: so every flagfile is looked up."""
    words = iter(argv)
    for word in words:
        path = next(words, None) if word in ("-flagfile", "--flagfile") else None
        yield word if path is None else f"--flagfile={path}"


def _found(path):
    if path.startswith("configs/") and not pathlib.Path(path).is_file():
        there = configs().parent / path
        return str(there) if there.is_file() else path
    return path
