"""Settings of Keras and Python's search path, whatever the user's environment says."""

import os
import pathlib
import sys
import warnings

USER_PATH = "MOSAICKD_TF_USER_PATH"  # PYTHONPATH of the user, as bin/python hands it on
_PROJECT = str(pathlib.Path(__file__).resolve().parents[2])  # the folder that has the package
_BACKEND = "KERAS_BACKEND"
# Variables with which Keras or TensorFlow would load another Keras, or cut training short.
_DROPPED = ("TF_USE_LEGACY_KERAS", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
_NO_FOLDER = os.path.join(os.devnull, "keras")  # can be neither read nor created


def use_tensorflow():
    """Makes Keras run on TensorFlow where it is not imported yet.

    Raises:
        ImportError: when Keras was imported with another backend before.
    """
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "config"):
        if (backend := keras.config.backend()) != "tensorflow":
            raise ImportError(
                "Keras runs on another backend. Expected tensorflow. Received: "
                f"{backend!r}. Import mosaickd_tf before keras, or set {_BACKEND}=tensorflow "
                "before the process starts"
            )
        return
    asked = os.environ.get(_BACKEND)
    os.environ[_BACKEND] = "tensorflow"
    if asked not in (None, "", "tensorflow"):
        warnings.warn(
            f"{_BACKEND}={asked} is replaced by tensorflow in this process, on which mosaickd_tf "
            f"runs. Set {_BACKEND}=tensorflow to make that explicit",
            stacklevel=3,
        )


def check_keras():
    """Checks the defaults of Keras that the library relies on.

    Raises:
        ImportError: for another image data format or float type, as keras.json can set them.
    """
    import keras

    expected = {"image_data_format": "channels_last", "floatx": "float32"}
    for name, value in expected.items():
        found = getattr(keras.config, name)()
        if found != value:
            raise ImportError(
                f"Keras has another default. Expected {name}={value!r}. Received: {found!r}, from "
                f"keras.json or a call. Call keras.config.set_{name}({value!r}) first"
            )


def set_up_command():
    """Prepares the process of a command, before Keras and TensorFlow are imported.

    Keras runs on TensorFlow with its own defaults, without keras.json; modules of the user's
    PYTHONPATH come after those of Python and its packages.
    """
    for name in _DROPPED:
        os.environ.pop(name, None)
    os.environ[_BACKEND] = "tensorflow"
    os.environ["KERAS_HOME"] = _NO_FOLDER
    sys.path[:] = _ordered(sys.path, os.environ)


def of_child():
    """Returns the environment for a Python that this process starts.

    It has this process's modules in their order, and writes UTF-8.
    """
    paths = dict.fromkeys([_PROJECT, *filter(None, sys.path)])
    path = os.pathsep.join(paths)
    return {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


def _ordered(paths, environ):
    """Returns a search path in which the folders of the user's PYTHONPATH come last."""
    user = environ.get("PYTHONPATH", "").split(os.pathsep)
    user = [os.path.abspath(path) for path in user if path]
    handed_on = [path for path in environ.get(USER_PATH, "").split(os.pathsep) if path]
    own = tuple(os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix))
    moved = {path for path in user if path != _PROJECT and not path.startswith(own)}
    kept = [path for path in paths if os.path.abspath(path or ".") not in moved]
    last = [path for path in paths if os.path.abspath(path or ".") in moved]
    return list(dict.fromkeys([*kept, *last, *map(os.path.abspath, handed_on)]))
