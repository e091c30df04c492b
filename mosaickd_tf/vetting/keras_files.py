"""Checks of a .keras file, a zip of a description and weights, before Keras reads it."""

import json
import re
import zipfile

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import printable
from mosaickd_tf.vetting import subprocess_check

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {CONFIG, WEIGHTS, "metadata.json"}
MAX_EXPANSION = 20  # total size of the unpacked members, as a multiple of the packed size
_SPARE = 2**24  # additional bytes, for small files
MAX_CONFIG = 2**23  # bytes of the description; 1,000 layers take about 2**20

# Built-in layers that run code of the file, or read files that it names.
_REFUSED_LAYERS = {
    "FlaxLayer",
    "IntegerLookup",
    "JaxLayer",
    "Lambda",
    "StringLookup",
    "TFSMLayer",
    "TextVectorization",
    "TorchModuleWrapper",
}
_MODELS = {"Functional", "Model", "Sequential"}
# Allowed classes of each module; None for all.
_CLASSES = {
    "keras": _MODELS | {"DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy"},
    "keras.models": _MODELS,
    "keras.src.models.functional": {"Functional"},
    "keras.src.models.sequential": {"Sequential"},
    "keras.layers": None,
    "keras.initializers": None,
    "keras.regularizers": None,
    "keras.constraints": None,
    "keras.dtype_policies": None,
    "keras.losses": None,
    "keras.metrics": None,
    "keras.optimizers": None,
    "keras.optimizers.schedules": None,
    "keras.src.applications.convnext": {"LayerScale", "StochasticDepth"},  # of Keras itself
    "mosaickd_tf.models.normalization": {"FusedBatchNormalization"},
}
_OPERATIONS = re.compile(r"keras\.src\.ops\.\w+")  # operations of keras.ops in a functional model
_FUNCTIONS = {"builtins", "keras.activations", "keras.losses", "keras.metrics", "keras.ops"}
_VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"}
_NUMBERS = re.compile(r"bool|b?float\d+|u?int\d+")


def examine_keras(path, allow_code=False):
    """Examines a .keras file without running anything of it.

    Args:
        path: the file.
        allow_code: whether it may name classes that are not built in.

    Returns:
        `(description, size)`: the content of its config.json without the compile config, and
        the size of its weights in bytes.

    Raises:
        RequestError: for a file that is no such zip, unpacks to more than `MAX_EXPANSION`,
            names classes that are not built in, or whose weights cannot be read within limits.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            description = json.loads(archive.read(CONFIG))
            size = archive.getinfo(WEIGHTS).file_size
    except RequestError:
        raise
    except Exception as error:  # a broken zip raises more than zipfile documents
        raise _refusal(path, str(error) or type(error).__name__) from error
    if not isinstance(description, dict):
        raise _refusal(path, f"a description that is a {type(description).__name__}")
    description["compile_config"] = None  # Keras is not to use it either
    if not allow_code:
        check_classes(description, path)
    subprocess_check.examine_weights(path)
    return description, size


def _refusal(path, received):
    reason = " ".join(received.split())
    return RequestError(
        "Not a readable model. Expected a .keras file of built-in Keras layers. "
        f"Received: {str(path)!r} ({reason}). Save the model again with Keras 3"
    )


def _check_members(archive, path):
    members = archive.infolist()
    names = [member.filename for member in members]
    unexpected = sorted(set(names) - _MEMBERS)
    if unexpected or len(names) != len(set(names)):
        raise _refusal(path, f"members other than {', '.join(sorted(_MEMBERS))}: {unexpected[:3]}")
    missing = {CONFIG, WEIGHTS} - set(names)
    if missing:
        raise _refusal(path, f"no {', '.join(sorted(missing))} in it")
    packed = sum(member.compress_size for member in members)
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_EXPANSION * packed + _SPARE:
        raise _refusal(path, f"{packed:,} bytes that unpack to {unpacked:,}")
    if archive.getinfo(CONFIG).file_size > MAX_CONFIG:
        raise _refusal(path, f"a {CONFIG} of more than {MAX_CONFIG:,} bytes")


def keras_version(path):
    """Returns the version of Keras that wrote an examined .keras file, empty if it does not say."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except Exception:  # a broken zip raises more than zipfile documents
        return ""
    return printable(str(version))[:20]


def check_classes(description, path):
    """Checks all that Keras would deserialize, without recursion.

    Raises:
        RequestError: for a class that is not built in, by name.
    """
    nodes = [description]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if "class_name" in node and not _is_known(node):
                raise RequestError(
                    "Not a model of built-in layers. Expected a file that needs no code. Received: "
                    f"{str(path)!r} requires {_name(node)}, which is not built in or runs code. If "
                    "you trust its source, set `allow_code`, and `custom_objects` to the Python "
                    "module that defines it; or export the model as a SavedModel"
                )
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def _is_known(node):
    name, module, registered = (node.get(k) for k in ("class_name", "module", "registered_name"))
    if not isinstance(name, str) or not isinstance(module, str | None):
        return False
    if name.startswith("__") and name not in _VALUES:
        return False
    if name in _VALUES:
        config = node.get("config")
        dtype = config.get("dtype") if isinstance(config, dict) else None
        return dtype is None or bool(_NUMBERS.fullmatch(str(dtype)))
    if name == "function":
        return module in _FUNCTIONS and isinstance(node.get("config"), str)
    if module == "mosaickd_tf.models.normalization":
        return registered == f"mosaickd_tf>{name}" and name in _CLASSES[module]
    if registered not in (None, name) or module is None:
        return False
    if _OPERATIONS.fullmatch(module):
        return True
    names = _CLASSES.get(module, ())
    return names is None and name not in _REFUSED_LAYERS or name in (names or ())


def _name(node):
    return ".".join(str(node.get(key)) for key in ("module", "class_name") if node.get(key))[:200]
