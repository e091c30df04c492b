"""A SavedModel: a graph that reads and writes what its operations say; listed, not run."""

import collections
import pathlib

from mosaickd_tf.errors import RequestError

_FILE = "saved_model.pb"
_LARGEST = 2**28  # bytes of the graph; weights lie in other files
# Operations that reach beyond tensors: files, the network, Python, the process.
_REACHING = (
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
    """Whether a path is a folder with a SavedModel in it."""
    return pathlib.Path(path, _FILE).is_file()


def operations(path):
    """What a SavedModel would execute, in words, without executing it.

    Args:
        path: the folder.

    Returns:
        A sentence: how many operations of how many kinds, and which of them reach beyond
        tensors.

    Raises:
        RequestError: for a graph that cannot be read.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    content = pathlib.Path(path, _FILE)
    try:
        if content.stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST:,} bytes")
        saved = saved_model_pb2.SavedModel.FromString(content.read_bytes())
    except Exception as error:  # protobuf's exception is not among its public names
        raise RequestError(
            f"Not a readable model. Expected a SavedModel. Received: {str(path)!r} ({error}). "
            "Export it anew"
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
    reaching = sorted(kind for kind in kinds if any(word in kind for word in _REACHING))
    told = f"; beyond tensors reach {', '.join(reaching)}" if reaching else ""
    return f"a graph of {sum(kinds.values()):,} operations of {len(kinds)} kinds{told}"
