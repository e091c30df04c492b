"""Data-free distillation of Keras image classifiers with MosaicKD.

The public names below are loaded when they are first used: `bin/distill --help` does not
wait for TensorFlow.
"""

import importlib

from mosaickd_tf.utils import environment

environment.use_tensorflow()

__version__ = "0.2.0"

_MODULES = (
    "config",
    "data",
    "evaluation",
    "export",
    "losses",
    "methods",
    "models",
    "pipeline",
    "tasks",
    "teachers",
)
_NAMES = {
    "KnowledgeDistiller": "methods",
    "MosaicDistiller": "methods",
    "inspect_teacher": "teachers",
}

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name):
    if name != "config" and (name in _MODULES or name in _NAMES):  # that is read without Keras
        environment.check_keras()
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    from mosaickd_tf.utils import deprecation

    return deprecation.attribute_getter(__name__)(name)


def __dir__():
    return sorted(__all__)
