"""Imports of tf_keras and tensorflow-model-optimization, only where a student is compressed."""

import contextlib
import importlib
import os
import warnings

import tensorflow as tf

_VARIABLE = "TF_USE_LEGACY_KERAS"


def tf_keras_module():
    """Returns the module `tf_keras`."""
    return _imported("tf_keras")


def optimization_toolkit():
    """Returns the module `tensorflow_model_optimization`; `tf.keras` stays Keras 3."""
    return _imported("tensorflow_model_optimization")


def sparse_clustering():
    """Returns the toolkit's module of clustering that keeps zeros, which has no public name."""
    core = "tensorflow_model_optimization.python.core"
    return _imported(f"{core}.clustering.keras.experimental.cluster")


def _imported(name):
    with _environment_kept(), warnings.catch_warnings():
        os.environ.pop(_VARIABLE, None)
        _ = tf.keras.layers  # loads Keras 3 as `tf.keras`, before the toolkit sets the variable
        warnings.simplefilter("ignore", DeprecationWarning)  # of distutils, which it still reads
        return importlib.import_module(name)


@contextlib.contextmanager
def _environment_kept():
    """Undoes the toolkit's request for tf_keras in this process and all that it starts."""
    before = os.environ.get(_VARIABLE)
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE, None)
        if before is not None:
            os.environ[_VARIABLE] = before
