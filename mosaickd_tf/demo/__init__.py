"""Local web page on which users try the student of a run."""

from mosaickd_tf.demo.packages import runtime
from mosaickd_tf.demo.server import DemoServer
from mosaickd_tf.demo.site import site

__all__ = ["DemoServer", "runtime", "site"]
