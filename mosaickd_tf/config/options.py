"""How an option is written down: its default, its help, the values that it may take."""

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
    choices=None,
    flag=None,
    listing=None,
):
    """A field with its default, its help text and the values it may take.

    `listing` names the table that the commands print for the value `help`.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "at_least": at_least,
            "above": above,
            "at_most": at_most,
            "choices": choices,
            "flag": flag,
            "listing": listing,
        },
    )


def flag_name(field):
    """The name under which a person meets the field."""
    return field.metadata["flag"] or field.name


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigSection:
    """Checks every field against its metadata when it is made."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(flag_name(field), getattr(self, field.name), field.metadata)


def assignment(name, value):
    """An option and its value as a person writes them: `name=value`."""
    if isinstance(value, tuple | list):
        value = ",".join(map(str, value))
    elif isinstance(value, bool):
        value = str(value).lower()
    return f"{name}={value}"


def from_options(topic, asked):
    """A topic with the options that `options` once gave; others are at their defaults.

    Args:
        topic: a class of options.
        asked: dict from flag names to values, also those of other topics, as the `config` of a
            result.json.
    """
    fields = dataclasses.fields(topic)
    given = {field.name: asked.get(flag_name(field), field.default) for field in fields}
    return topic(**{name: tuple(v) if isinstance(v, list) else v for name, v in given.items()})


def options(config):
    """The options of a config of several topics: pairs of flag name and value, in order."""
    for topic in dataclasses.fields(config):
        section = getattr(config, topic.name)
        for field in dataclasses.fields(section):
            yield flag_name(field), getattr(section, field.name)


def _check(name, value, rule):
    values = value if isinstance(value, tuple) else (value,)
    for item in values:
        expected = _expected(item, rule)
        if expected:
            raise RequestError(
                f"`{name}` is not what it can be. Expected {expected}. Received: {name}={item}. "
                "See --help"
            )


def _expected(item, rule):
    """What a value should have been; None when it is."""
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
