"""Writes a smaller file of a teacher, to be kept beside the results of its students.

Weights are rounded to fixed point, with one step for each tensor, and compressed without loss; the
result is an ordinary .keras file. `bin/evaluate` measures the accuracy that is lost.

    bin/python -m benchmarks.rounded_teacher runs/wrn16_2/teacher.keras wrn16_2.keras
"""

import argparse
import io
import math
import zipfile

import h5py
import numpy as np

from mosaickd_tf.utils import files
from mosaickd_tf.vetting.keras_files import WEIGHTS

BITS = 8  # without the sign


def rounded(array, bits=BITS):
    """Rounds an array to multiples of a power of two, its maximum to at most `2**bits` of them.

    Args:
        array: float32 of any shape.
        bits: at least 1.

    Returns:
        Float32 of the same shape.
    """
    maximum = float(np.abs(array).max(initial=0.0))
    if not maximum:
        return array
    step = 2.0 ** (math.ceil(math.log2(maximum)) - bits)
    return (np.round(array / step) * step).astype("float32")


def write(source, target):
    """Copies a .keras file with rounded kernels and everything compressed.

    Statistics, scales and offsets are few and are not rounded.

    Args:
        source: a .keras file.
        target: path of the copy.
    """
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[WEIGHTS] = _rounded_kernels(members[WEIGHTS])
    with files.atomic_write(target) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in members.items():
            # A fixed date: the same teacher gives the same file.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_BZIP2)


def _rounded_kernels(weights):
    stored = io.BytesIO(weights)
    with h5py.File(stored, "r+") as file:

        def round_kernel(_, item):
            if isinstance(item, h5py.Dataset) and item.ndim > 1:
                item[...] = rounded(item[()])

        file.visititems(round_kernel)
    return stored.getvalue()


def main():
    """Rounds the file of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    options = parser.parse_args()
    write(options.source, options.target)


if __name__ == "__main__":
    main()
