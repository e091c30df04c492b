"""Custom layers and functions of a model, from a Python module that the user names."""

import importlib.util
import inspect
import pathlib
import sys

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line

_MODULE = "mosaickd_tf_custom_objects"


def load_custom_objects(path, allow_code):
    """Runs a Python module and registers the layers and functions that it defines with Keras.

    Args:
        path: of the module, a .py file; empty for none.
        allow_code: whether the user allows that.

    Returns:
        A dict from names to classes and functions, for `keras.models.load_model`.

    Raises:
        RequestError: without permission, and for a module that cannot be run.
    """
    if not path:
        return {}
    if not allow_code:
        raise RequestError(
            "`custom_objects` is code that runs. Expected `allow_code` beside it. Received: "
            f"custom_objects={str(path)!r}. Allow it if you trust its source"
        )
    file = pathlib.Path(path).expanduser().resolve()
    if not file.is_file() or file.suffix != ".py":
        raise RequestError(
            f"No such module. Expected `custom_objects` as a .py file. Received: {str(path)!r}. "
            "A relative path starts at the current folder"
        )
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module  # Keras looks up classes of a module by its name
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's module raises
        raise RequestError(
            "The module of `custom_objects` cannot be run. Expected Python code that defines "
            f"layers. Received: {str(path)!r} ({type(error).__name__}: {first_line(error)}). "
            "Correct it"
        ) from error
    finally:
        sys.path.remove(str(file.parent))
    found = {name: value for name, value in vars(module).items() if _is_object(value)}
    keras.saving.get_custom_objects().update(found)
    return found


def _is_object(value):
    if inspect.isclass(value):
        return issubclass(value, keras.Layer) and not value.__module__.startswith("keras.")
    return inspect.isfunction(value)
