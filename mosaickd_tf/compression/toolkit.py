"""tf_keras and tensorflow-model-optimization, brought in only where a student is compressed."""

import contextlib
import importlib
import os
import warnings

import tensorflow as tf

_SWITCH = "TF_USE_LEGACY_KERAS"


def tf_keras_module():
    """The module `tf_keras`."""
    return _imported("tf_keras")


def optimization_toolkit():
    """The module `tensorflow_model_optimization`; the process stays one of Keras 3."""
    return _imported("tensorflow_model_optimization")


def sparse_clustering():
    """Its module of a clustering that can keep zeros, which its public names leave out."""
    core = "tensorflow_model_optimization.python.core"
    return _imported(f"{core}.clustering.keras.experimental.cluster")


def _imported(name):
    tf.keras.version()  # settles that `tf.keras` is Keras 3, before the switch below is thrown
    with _environment_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of distutils, which it still reads
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
