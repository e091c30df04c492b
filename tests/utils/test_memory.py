"""A lack of memory, also as the libraries wrap it, against defects."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.utils import memory


def wrapped(error):
    try:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("Exception encountered when calling Conv2D.call()") from cause
    except RuntimeError as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "failed to allocate memory"),
        tf.errors.InternalError(None, None, "Failed: CUDA_ERROR_OUT_OF_MEMORY"),
        RuntimeError("std::bad_alloc"),
        OSError(12, "Cannot allocate memory"),
        wrapped(MemoryError("Unable to allocate 3 GiB")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lack_of_memory_is_recognised(error):
    assert memory.is_exhausted(error)
    assert len(memory.reason(error).splitlines()) == 1


def test_numpy_says_how_much_it_could_not_allocate():
    with pytest.raises(MemoryError) as caught:
        np.ones(2**50)
    assert memory.reason(caught.value).startswith("Unable to allocate 8.00 PiB")


def test_a_reason_of_many_lines_is_one():
    lines = "Graph execution error:\n\nOOM when allocating tensor with shape[64,512]\n at Conv2D"
    assert memory.reason(RuntimeError(lines)) == "OOM when allocating tensor with shape[64,512]"


@pytest.mark.parametrize("error", [ValueError("a defect"), OSError(5, "Input/output error")])
def test_a_defect_is_none(error):
    assert not memory.is_exhausted(error)
