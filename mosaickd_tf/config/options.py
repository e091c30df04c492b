"""Options: default, help text and permitted values of each, in sections."""

import dataclasses
import math

from mosaickd_tf.errors import RequestError


def option(
    default,
    help,
    *,
    at_least=None,
    above=None,
    at_most=None,
    at_most_rounds=False,
    choices=None,
    flag=None,
    listing=None,
    parse=None,
):
    """Returns a dataclass field with a default, a help text and the values that it may take.

    Args:
        default: of the option.
        help: text for `--help`.
        at_least: smallest value.
        above: value that has to be exceeded.
        at_most: largest value.
        at_most_rounds: whether a run must have at least as many rounds for it to take effect.
        choices: the values that it may take.
        flag: name of the flag, where it is not the field's.
        listing: name of the table that the commands print for the value `help`.
        parse: function from what a flag, a JSON file or a caller gives to the option's value; it
            raises `ValueError` with what it expected.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "at_least": at_least,
            "above": above,
            "at_most": at_most,
            "at_most_rounds": at_most_rounds,
            "choices": choices,
            "flag": flag,
            "listing": listing,
            "parse": parse,
        },
    )


def same_option(section, name):
    """Returns a dataclass field with the default, help and rules of another section's."""
    (found,) = (field for field in dataclasses.fields(section) if field.name == name)
    return dataclasses.field(default=found.default, metadata=found.metadata)


def flag_name(field):
    """Returns the name of the flag that sets a field."""
    return field.metadata["flag"] or field.name


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigSection:
    """Options that belong together; each is checked against its metadata on construction.

    Raises:
        RequestError: for a value that an option may not take.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.metadata["parse"]:
                object.__setattr__(self, field.name, _parsed(field, getattr(self, field.name)))
            _check(flag_name(field), getattr(self, field.name), field.metadata)


class ImageSize(tuple):
    """Height and width of oblong images, in pixels."""

    def __str__(self):
        return "x".join(map(str, self))


def image_size(value):
    """Parses the size of images: a side, "HEIGHTxWIDTH", or a pair of height and width.

    Returns:
        An int, the side of square images, or an `ImageSize`.

    Raises:
        ValueError: for anything else.
    """
    sides = value.lower().split("x") if isinstance(value, str) else value
    try:
        sides = tuple(map(int, sides if isinstance(sides, tuple | list) else (sides,)))
    except (TypeError, ValueError):
        sides = ()
    if len(sides) not in (1, 2):
        raise ValueError("a side in pixels, as 32, or HEIGHTxWIDTH, as 48x96")
    return sides[0] if len(set(sides)) == 1 else ImageSize(sides)


def assignment(name, value):
    """Returns an option and its value as in a flagfile: `name=value`."""
    if isinstance(value, ImageSize):
        value = str(value)
    elif isinstance(value, tuple | list):
        value = ",".join(map(str, value))
    elif isinstance(value, bool):
        value = str(value).lower()
    return f"{name}={value}"


def section_from_options(section, given):
    """Builds a section from options by their flags' names; others have their defaults.

    Args:
        section: a subclass of `ConfigSection`.
        given: dict from flag names to values, also those of other sections, as the `config` of a
            result.json.
    """
    fields = dataclasses.fields(section)
    values = {field.name: given.get(flag_name(field), field.default) for field in fields}
    return section(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def sections(config):
    """Yields the sections of a config, those of the methods too."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        yield from [value] if isinstance(value, ConfigSection) else value.values()


def options(config):
    """Yields flag name and value of every option of a config, in order."""
    for section in sections(config):
        for field in dataclasses.fields(section):
            yield flag_name(field), getattr(section, field.name)


def _parsed(field, value):
    try:
        return field.metadata["parse"](value)
    except ValueError as error:
        name = flag_name(field)
        raise RequestError(
            f"`{name}` has a wrong value. Expected {error}. Received: {name}={value}"
        ) from None


def _check(name, value, rule):
    values = value if isinstance(value, tuple) else (value,)
    for item in values:
        expected = _expected(item, rule)
        if expected:
            raise RequestError(
                f"`{name}` has a wrong value. Expected {expected}. Received: {name}={item}"
            )


def _expected(item, rule):
    """Returns what was expected of a value, or None where it is right."""
    if rule["choices"] and item not in rule["choices"]:
        return f"one of: {', '.join(map(str, rule['choices']))}"
    if isinstance(item, float) and not math.isfinite(item):
        return "a finite number"
    if rule["at_least"] is not None and item < rule["at_least"]:
        return f"at least {rule['at_least']}"
    if rule["above"] is not None and item <= rule["above"]:
        return f"a number above {rule['above']}"
    if rule["at_most"] is not None and item > rule["at_most"]:
        return f"at most {rule['at_most']}"
    return None
