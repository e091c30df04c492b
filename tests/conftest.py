"""TensorFlow quiet and on the processor; the same random weights in every test."""

import gc
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # a person may name a GPU instead
# XLA compiles in less time; what it compiles to may take more.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

import pytest
import tensorflow as tf

from tests import tiny

gc.freeze()  # what the libraries have made by now is not searched again and again
gc.set_threshold(50_000, 20, 50)

# PyTorch's optimizers import it, if it is there, and next to TensorFlow that ends the process.
sys.modules.setdefault("triton", None)


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that no process waits for another's last one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory):
    """The user's cache is left alone, by the commands that tests start too."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _seeded():
    tiny.seed_weights(0)


@pytest.fixture(scope="module")
def eagerly():
    """Compiled functions run as they stand: what is called once or twice is not worth a trace."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
