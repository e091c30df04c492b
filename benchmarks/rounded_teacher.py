"""A teacher whose file is small enough to lie beside the results that it led to.

Weights are rounded to fixed point, a step a tensor, and packed without loss; the file is a
.keras file as any other. What the rounding costs is for `bin/evaluate` to say.

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

BITS = 8  # beside the sign


def rounded(array, bits=BITS):
    """Rounds an array to multiples of a power of two, of which `2**bits` reach its greatest value.

    Args:
        array: float32 of any shape.
        bits: at least 1.

    Returns:
        Float32 of the same shape.
    """
    greatest = float(np.abs(array).max(initial=0.0))
    if not greatest:
        return array
    step = 2.0 ** (math.ceil(math.log2(greatest)) - bits)
    return (np.round(array / step) * step).astype("float32")


def write(source, target):
    """Writes a .keras file again with kernels rounded and everything packed.

    Statistics, scales and offsets stay as they are: they are few.

    Args:
        source: a .keras file.
        target: where the other one goes.
    """
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[WEIGHTS] = _rounded_kernels(members[WEIGHTS])
    with files.atomic_write(target) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in members.items():
            # A fixed date, so that the same teacher makes the same file.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_BZIP2)


def _rounded_kernels(weights):
    stored = io.BytesIO(weights)
    with h5py.File(stored, "r+") as file:

        def turn(_, item):
            if isinstance(item, h5py.Dataset) and item.ndim > 1:
                item[...] = rounded(item[()])

        file.visititems(turn)
    return stored.getvalue()


def main():
    """Rounds the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    asked = parser.parse_args()
    write(asked.source, asked.target)


if __name__ == "__main__":
    main()
