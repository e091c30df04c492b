"""Names of a model's outputs, from a file: `labels.txt`, numbered lines or JSON."""

import dataclasses
import json
import logging
import pathlib
import re

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import as_name, encoding_of, first_line, printable

logger = logging.getLogger(__name__)

MAX_BYTES = 2**24
NAMES = ("labels.txt", "class_indices.json", "classes.txt", "labels.json")  # beside a model
_NUMBERED = re.compile(r"(\d+)\s*(?:[:;,.=]|\s)\s*(\S.*)")
_HINT = "names that start with numbers need JSON"
_SHOWN = 10  # names that an error shows


def read_label_names(path, num_labels=None):
    """Reads the names of a model's outputs, in their order.

    Args:
        path: a file of a name a line; of lines such as `0 cardboard`; or of JSON, a list of names
            or a dict from names to numbers or from numbers to names. Numbers start at 0 or 1.
        num_labels: number of outputs, if known.

    Returns:
        A tuple of printable names.

    Raises:
        RequestError: for a file that is missing or of another kind, numbers that are missing or
            repeated, or another number of names.
    """
    text = _text(path).strip()
    try:
        names = _of_json(json.loads(text)) if text[:1] in ("{", "[") else _of_lines(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(
            "Not a file of labels. Expected a name a line, lines as `0 cardboard`, or JSON, a list "
            "of names or a dict from names to numbers. Received: "
            f"labels={str(path)!r} ({printable(first_line(error))}). Correct it"
        ) from error
    names = tuple(as_name(name.strip()) for name in names)
    if not names or num_labels not in (None, len(names)):
        raise RequestError(
            f"Wrong number of names. Expected {num_labels or 'some'}, one a class. Received: "
            f"{len(names)} in labels={str(path)!r}. Write one name per line"
        )
    return names


def find_labels(model_path, num_labels):
    """Finds a file of labels beside a model's file.

    Args:
        model_path: the file, or the folder of a SavedModel, which is looked into too.
        num_labels: number of the model's outputs.

    Returns:
        `(path, names)` of the first such file that fits; None without one.
    """
    model_path = pathlib.Path(model_path).expanduser()
    folders = [model_path.parent, *([model_path, model_path / "assets"] * model_path.is_dir())]
    for folder in folders:
        for name in NAMES:
            if (folder / name).is_file():
                try:
                    return folder / name, read_label_names(folder / name, num_labels)
                except RequestError as error:
                    logger.info("%s", error)
    return None


def match_names(given, names):
    """Matches names of classes to names of outputs.

    Case, spaces, underscores and hyphens count only where names differ in nothing else. Names that
    are the numbers 0, 1, ... are those of the outputs.

    Args:
        given: names of the classes of a data set.
        names: names of the outputs, in their order.

    Returns:
        A list of the number of the output of each class; None where a class has none.
    """
    for key in (str, _bare):
        numbers = {}
        for number, name in enumerate(names):
            numbers.setdefault(key(name), []).append(number)
        found = [numbers.get(key(name), []) for name in given]
        one_each = all(len(each) == 1 for each in found)
        if one_each and len({each[0] for each in found}) == len(found):
            return [each[0] for each in found]
    if len(given) == len(names) and set(given) == set(map(str, range(len(names)))):
        return [int(name) for name in given]
    return None


def with_label_names(source, names, path):
    """Returns a data set whose classes are numbered as the outputs of a model.

    Args:
        source: a `Source` with labels.
        names: names of the outputs, in their order.
        path: the file that they are from, for messages.

    Raises:
        RequestError: for a class that is not among the names.
    """
    numbers = match_names(source.label_names, names)
    if numbers is None:
        raise RequestError(
            f"`labels` and data set do not fit. Expected the classes of {source.name!r}: "
            f"{_shown(source.label_names)}. Received: labels={str(path)!r} with {_shown(names)}. "
            "Rename the class folders or correct the file"
        )
    without = sorted(set(range(len(names))) - set(numbers))
    if without:
        logger.warning(
            "%s: no images of %d of the %d labels: %s",
            printable(source.name),
            len(without),
            len(names),
            _shown([names[number] for number in without]),
        )

    def read(split):
        for image, label in source.read(split):
            if isinstance(label, tuple):
                yield image, tuple(sorted(numbers[number] for number in label))
            else:
                yield image, numbers[label]

    return dataclasses.replace(source, label_names=tuple(names), read=read)


def _bare(name):
    return re.sub(r"[\s_-]+", "", name.casefold())


def _shown(names):
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _text(path):
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise RequestError(
            f"No such file. Expected one name per line. Received: labels={str(path)!r}. Write "
            "one, or leave `labels` out"
        )
    if path.stat().st_size > MAX_BYTES:
        raise RequestError(f"Expected at most {MAX_BYTES:,} bytes. Received: labels={str(path)!r}")
    try:
        return path.read_text(encoding=encoding_of(path))
    except UnicodeDecodeError as error:
        raise RequestError(
            f"Not a text file. Expected one name per line, in UTF-8. Received: "
            f"labels={str(path)!r} ({error}). Save it as UTF-8"
        ) from error


def _of_lines(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    if not all(matches):
        return lines
    return _in_order([(int(match[1]), match[2]) for match in matches])


def _of_json(content):
    if isinstance(content, dict) and len(content) == 1:  # such as {"labels": [...]}
        (inner,) = content.values()
        content = inner if isinstance(inner, dict | list) else content
    if isinstance(content, list) and all(isinstance(name, str) for name in content):
        return content
    if isinstance(content, dict):
        items = list(content.items())
        if all(isinstance(value, int) and not isinstance(value, bool) for _, value in items):
            return _in_order([(value, name) for name, value in items])
        if all(key.isdecimal() and isinstance(value, str) for key, value in items):
            return _in_order([(int(key), value) for key, value in items])
    raise ValueError("neither a list of names, nor a dict of names and numbers")


def _in_order(pairs):
    """Returns the names of `(number, name)` pairs by number, which start at 0 or 1."""
    numbers = sorted(number for number, _ in pairs)
    repeated = sorted(
        {one for one, other in zip(numbers, numbers[1:], strict=False) if one == other}
    )
    if repeated:
        raise ValueError(
            f"number {repeated[0]} is repeated; names that start with numbers need JSON"
        )
    start = 1 if numbers and min(numbers) == 1 else 0
    missing = sorted(set(range(start, start + len(numbers))) - set(numbers))
    if missing:
        raise ValueError(f"number {missing[0]} is missing; {_HINT}")
    return [name for _, name in sorted(pairs)]
