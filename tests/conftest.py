"""TensorFlow quiet and on the processor; the same random weights in every test."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # a person may name a GPU instead

import pytest

from tests import tiny


@pytest.fixture(autouse=True)
def _seeded():
    tiny.seed_weights(0)
