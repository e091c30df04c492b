"""tf_keras and tensorflow-model-optimization, brought in only where a student is compressed."""

import contextlib
import importlib
import os

import tensorflow as tf

_SWITCH = "TF_USE_LEGACY_KERAS"


def legacy_keras():
    """The module `tf_keras`."""
    return _imported("tf_keras")


def optimization_toolkit():
    """The module `tensorflow_model_optimization`; the process stays one of Keras 3."""
    return _imported("tensorflow_model_optimization")


def _imported(name):
    tf.keras.version()  # settles that `tf.keras` is Keras 3, before the switch below is thrown
    with _environment_kept():
        return importlib.import_module(name)


@contextlib.contextmanager
def _environment_kept():
    """tensorflow-model-optimization asks for tf_keras in this process and all it starts."""
    before = os.environ.get(_SWITCH)
    try:
        yield
    finally:
        os.environ.pop(_SWITCH, None)
        if before is not None:
            os.environ[_SWITCH] = before
