"""Data-free distillation of Keras image classifiers with MosaicKD.

The public names below are loaded when they are first used: `bin/distill --help` does not
wait for TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_MODULES = ("config", "data", "evaluation", "experiment", "export", "losses", "methods", "models")
_NAMES = {
    "KnowledgeDistiller": "methods",
    "LossWeights": "config",
    "MosaicDistiller": "methods",
}

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
