"""The operations of a SavedModel, listed without running them."""

import collections
import pathlib

from mosaickd_tf.errors import RequestError

_FILE = "saved_model.pb"
_MAX_SIZE = 2**28  # bytes of the graph; weights are in other files
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
    from tensorflow.core.protobuf import saved_model_pb2

    content = pathlib.Path(path, _FILE)
    try:
        if content.stat().st_size > _MAX_SIZE:
            raise ValueError(f"more than {_MAX_SIZE:,} bytes")
        saved = saved_model_pb2.SavedModel.FromString(content.read_bytes())
    except Exception as error:  # protobuf's exception is not among its public names
        raise RequestError(
            f"Not a readable model. Expected a SavedModel. Received: {str(path)!r} ({error}). "
            "Export it again"
        ) from error
    kinds = collections.Counter(
        node.op
        for graph in saved.meta_graphs
        for nodes in (
            graph.graph_def.node,
            *(f.node_def for f in graph.graph_def.library.function),
        )
        for node in nodes
    )
    effects = sorted(kind for kind in kinds if any(word in kind for word in _SIDE_EFFECTS))
    suffix = f"; with side effects: {', '.join(effects)}" if effects else ""
    return f"a graph of {sum(kinds.values()):,} operations of {len(kinds)} kinds{suffix}"
