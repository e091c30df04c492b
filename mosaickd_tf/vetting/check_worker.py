"""The subprocess that checks a file: `python -m mosaickd_tf.vetting.check_worker KIND PATH`.

Prints `ok`, or the fault of the file in one line.
"""

import io
import os
import pathlib
import resource
import sys
import zipfile

import numpy as np

from mosaickd_tf.utils.text import first_line
from mosaickd_tf.vetting import hdf5_arrays

_SIDES = (64, 224, 299)  # of images, tried where a .tflite file leaves them open
# Bytes that a check may take in addition to its libraries and four times the file.
MEMORY = {"weights": 2**32, "hdf5": 2**28, "tflite": 2**32, "tflite_batches": 2**32}


def main(kind, path):
    """Runs one of the checks on a file, within limits that the system enforces."""
    memory = MEMORY[kind] + 4 * os.path.getsize(path)
    limit = memory + _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _CHECKS[kind](path)
        print("ok")
    except MemoryError:
        print(f"reading it takes more than {memory:,} bytes of memory")
    except Exception as error:  # a broken file makes the libraries raise anything
        print(first_line(error))


def _address_space():
    """Returns the bytes of address space that this process takes with h5py, many if unknown."""
    import h5py  # noqa: F401  what it takes is not the file's

    try:
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # another system than Linux
        return 2**32
    return pages * resource.getpagesize()


def check_weights(path):
    """Reads every array in the weights of a .keras file without following links.

    Raises:
        ValueError: for an array that is not stored completely in the file itself.
        Exception: anything that h5py raises for a broken file.
    """
    with zipfile.ZipFile(path) as archive:
        content = archive.read("model.weights.h5")
    hdf5_arrays.check_groups(io.BytesIO(content), len(content))


def check_hdf5(path):
    """Reads every array and attribute of an HDF5 file without following links.

    Raises:
        ValueError: for an array that is not stored completely in the file itself.
        Exception: anything that h5py raises for a broken file.
    """
    hdf5_arrays.check_groups(path, os.path.getsize(path))


def check_tflite(path):
    """Checks the structure of a .tflite file, and runs it on three images.

    Raises:
        ValueError: for an invalid structure.
        Exception: anything that the runtime raises for a broken file.
    """
    interpreter = _interpreter(path)
    _allocate(interpreter)
    for level in (0, 1, 127):
        for source in interpreter.get_input_details():
            value = np.full(source["shape"], level, source["dtype"])
            interpreter.set_tensor(source["index"], value)
        interpreter.invoke()
        for target in interpreter.get_output_details():
            interpreter.get_tensor(target["index"])


def check_tflite_batches(path):
    """Checks that a .tflite file of one input gives the same for two images at once and singly.

    Raises:
        ValueError: where it does not.
        Exception: anything that the runtime raises for a file of a fixed batch size.
    """
    interpreter = _interpreter(path)
    _allocate(interpreter)
    (source,) = interpreter.get_input_details()
    if source["shape"][0] != 1:
        raise ValueError("a fixed batch size")
    images = np.random.default_rng(0).uniform(0, 100, (2, *source["shape"][1:]))
    images = images.astype(source["dtype"])
    singly = [_outputs(interpreter, source, image[None]) for image in images]
    interpreter.resize_tensor_input(source["index"], images.shape)
    interpreter.allocate_tensors()
    for together, *parts in zip(_outputs(interpreter, source, images), *singly, strict=True):
        expected = np.concatenate(parts)
        allowed = 1e-4 * np.abs(expected).max() if expected.dtype.kind == "f" else 1
        if together.shape != expected.shape or np.abs(1.0 * together - expected).max() > allowed:
            raise ValueError("other outputs for two images at once")


def _interpreter(path):
    from mosaickd_tf.vetting import tflite_files

    with open(path, "rb") as file:
        content = file.read()
    tflite_files.check_structure(content)
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content, num_threads=1)


def _allocate(interpreter):
    """Allocates tensors, with the first of `_SIDES` that works for sides that are open."""
    open_sides = [
        source
        for source in interpreter.get_input_details()
        if -1 in source.get("shape_signature", source["shape"])[1:]
    ]
    for side in _SIDES if open_sides else (None,):
        for source in open_sides:
            sides = source["shape_signature"]
            shape = np.where(sides < 0, [1] + [side] * (len(sides) - 1), sides)
            interpreter.resize_tensor_input(source["index"], shape)
        try:
            interpreter.allocate_tensors()
            return
        except (RuntimeError, ValueError):
            if side in (None, _SIDES[-1]):
                raise


def _outputs(interpreter, source, images):
    interpreter.set_tensor(source["index"], images)
    interpreter.invoke()
    targets = interpreter.get_output_details()
    return [interpreter.get_tensor(target["index"]) for target in targets]


_CHECKS = {
    "weights": check_weights,
    "hdf5": check_hdf5,
    "tflite": check_tflite,
    "tflite_batches": check_tflite_batches,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
