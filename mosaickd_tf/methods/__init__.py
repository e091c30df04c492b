"""Methods: ways in which a student learns from a teacher; each file defines one."""

import importlib

from mosaickd_tf.config import declared
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.utils.deprecation import attribute_getter

# The `Distiller` of each value of `--method`: every file here that declares a `METHOD`.
METHODS = {
    name: getattr(importlib.import_module(f"{__name__}.{name}"), method.distiller)
    for name, method in declared.methods().items()
}
globals().update({kind.__name__: kind for kind in METHODS.values()})
__all__ = ["METHODS", "Distiller", *(kind.__name__ for kind in METHODS.values())]

__getattr__ = attribute_getter(__name__)
