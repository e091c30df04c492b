"""The operations of a SavedModel, listed without running them."""

import collections
import pathlib

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line, printable

_FILE = "saved_model.pb"
_MAX_SIZE = 2**28  # bytes of the graph; weights are in other files
_MAX_FIELDS = 2**22  # of the graph that are read; 1,000 layers take about 2**16
_MAX_NAME, _MAX_NAMES = 40, 20  # characters of an operation, and operations, in a message
# Numbers of the fields of protobuf messages, from a SavedModel to the names of its operations:
# meta_graphs, graph_def, node, op; and meta_graphs, graph_def, library, function, node_def, op.
_OPERATIONS = ((2, 2, 1, 2), (2, 2, 2, 1, 3, 2))
# Operations with side effects: on files, the network, Python, the process.
_SIDE_EFFECTS = (
    "File",
    "PyFunc",
    "Reader",
    "Save",
    "Restore",
    "Print",
    "Load",
    "Summary",
    "Dataset",
    "Iterator",
    "Rpc",
    "Custom",
    "Lookup",
    "HashTable",
    "Abort",
)


def is_saved_model(path):
    """Checks whether a path is the folder of a SavedModel."""
    return pathlib.Path(path, _FILE).is_file()


def operations(path):
    """Summarizes the operations of a SavedModel without running them.

    Args:
        path: the folder.

    Returns:
        Text for a message: the number of operations, of their kinds, and the kinds that may
        have side effects.

    Raises:
        RequestError: for a graph that cannot be read.
    """
    graph = pathlib.Path(path, _FILE)
    try:
        if graph.stat().st_size > _MAX_SIZE:
            raise ValueError(f"more than {_MAX_SIZE:,} bytes")
        content, budget = memoryview(graph.read_bytes()), iter(range(_MAX_FIELDS))
        kinds = collections.Counter(
            printable(str(part[:_MAX_NAME], "utf-8", "replace"))
            for fields in _OPERATIONS
            for part in _parts_at(content, fields, budget)
        )
    except (OSError, ValueError) as error:
        raise RequestError(
            f"Not a readable model. Expected a SavedModel. Received: {str(path)!r} "
            f"({first_line(error)}). Export it again"
        ) from error
    effects = sorted(kind for kind in kinds if any(word in kind for word in _SIDE_EFFECTS))
    effects = effects[:_MAX_NAMES] + (["others"] if len(effects) > _MAX_NAMES else [])
    suffix = f"; with side effects: {', '.join(effects)}" if effects else ""
    return f"a graph of {sum(kinds.values()):,} operations of {len(kinds)} kinds{suffix}"


def _parts_at(content, fields, budget):
    """Yields the parts of a protobuf message at the end of a path of numbers of fields.

    The message is not parsed by protobuf, whose objects take fifty times as much memory as it.
    """
    number, *rest = fields
    for found, part in _parts(content, budget):
        if found == number:
            if rest:
                yield from _parts_at(part, rest, budget)
            else:
                yield part


def _parts(content, budget):
    """Yields `(number, content)` of each field of a protobuf message that is a text or message.

    Raises:
        ValueError: for a broken message, and for more fields than the budget has items.
    """
    place = 0
    while place < len(content):
        if next(budget, None) is None:
            raise ValueError(f"more than {_MAX_FIELDS:,} fields")
        key, place = _varint(content, place)
        kind = key & 7
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind in (0, 2):
            size, place = _varint(content, place)
        elif not size:
            raise ValueError(f"a field of the unknown type {kind}")
        if kind == 0:
            continue
        if size > len(content) - place:
            raise ValueError("a graph that was cut off")
        if kind == 2:
            yield key >> 3, content[place : place + size]
        place += size


def _varint(content, place):
    """Returns the number that starts at a place, in groups of seven bits, and the place after."""
    number = 0
    for shift in range(0, 70, 7):
        if place == len(content):
            raise ValueError("a graph that was cut off")
        byte = content[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError("a number of more than ten bytes")
