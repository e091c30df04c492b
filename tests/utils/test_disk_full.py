"""Errors of a full disk, from every writer of files."""

import contextlib
import errno
import resource

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data import grids
from mosaickd_tf.export import writers
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.utils import files
from tests import tiny
from tests.utils import names

NOISE = np.random.default_rng(1).integers(0, 256, (64, 32, 32, 3), np.uint8)


def caused_by(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error, expected",
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EFBIG, "File too large"), True),
        (OSError("Can't write data (errno = 28, error message = 'No space left on device')"), True),
        (caused_by(ValueError("the archive is open"), OSError(errno.ENOSPC, "")), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (MemoryError(), False),
    ],
    ids=str,
)
def test_a_full_disk_is_distinguished_from_other_errors(error, expected):
    assert files.is_disk_full(error) is expected


# Errors of libraries on a full disk; a limit on the size of files needs no root.


@contextlib.contextmanager
def no_file_above(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def save_checkpoint(folder):
    state = {"weights": tf.Variable(tf.zeros((400, 100)))}
    Checkpoints(folder, state).save({"step": 1})


def save_keras(folder):
    with files.atomic_write(folder / "a.keras") as partial:
        tiny.classifier().save(partial)


@pytest.mark.parametrize(
    "write",
    [
        save_checkpoint,
        save_keras,
        lambda folder: writers.save_saved_model(tiny.classifier(), folder / "saved_model"),
        lambda folder: files.write_json(folder / "a.json", "x" * 60_000),
        lambda folder: grids.save_grid(folder / "a.png", NOISE),
    ],
    ids=["checkpoint", "keras", "saved_model", "json", "image"],
)
def test_every_writer_reports_a_full_disk_and_leaves_no_partial_file(tmp_path, write):
    with pytest.raises(Exception) as caught, no_file_above(20_000):
        write(tmp_path)
    assert files.is_disk_full(caught.value)
    assert names(tmp_path) == []
