"""The subprocess that checks a file: `python -m mosaickd_tf.vetting.check_worker KIND PATH`.

Prints `ok`, or the fault of the file in one line.
"""

import io
import os
import resource
import sys
import zipfile

from mosaickd_tf.utils.text import first_line

MEMORY = 2**32  # bytes that a check may take, in addition to four times the file


def main(kind, path):
    """Checks a file, "weights", "hdf5" or "tflite", within limits that the system enforces."""
    memory = MEMORY + 4 * os.path.getsize(path)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        checks = {"weights": check_weights, "hdf5": check_hdf5, "tflite": check_tflite}
        checks[kind](path)
        print("ok")
    except MemoryError:
        print(f"reading it takes more than {memory:,} bytes of memory")
    except Exception as error:  # a broken file makes the libraries raise anything
        print(first_line(error))


def check_weights(path):
    """Reads every array in the weights of a .keras file without following links.

    Raises:
        ValueError: for an array that is not stored completely in the file itself.
        Exception: anything that h5py raises for a broken file.
    """
    with zipfile.ZipFile(path) as archive:
        content = archive.read("model.weights.h5")
    _check_groups(io.BytesIO(content), len(content))


def check_hdf5(path):
    """Reads every array and attribute of an HDF5 file without following links.

    Raises:
        ValueError: for an array that is not stored completely in the file itself.
        Exception: anything that h5py raises for a broken file.
    """
    _check_groups(path, os.path.getsize(path))


def _check_groups(source, size):
    import h5py

    total = 0
    with h5py.File(source, "r") as file:
        groups, visited = [file], set()
        for group in groups:
            address = h5py.h5o.get_info(group.id).addr
            if address in visited:
                raise ValueError("a group of weights that occurs twice")
            visited.add(address)
            dict(group.attrs)
            for name in group:
                kind = group.get(name, getclass=True, getlink=True)
                if kind is not h5py.HardLink:
                    raise ValueError(f"a {kind.__name__} in its weights")
                item = group[name]
                if isinstance(item, h5py.Group):
                    groups.append(item)
                    continue
                _read_array(item, size)
                total += item.nbytes
                if total > 2 * size:
                    raise ValueError(f"arrays of more than {total:,} bytes in a file of {size:,}")


def _read_array(array, size):
    if array.external or array.is_virtual:
        raise ValueError("weights stored in another file")
    if array.nbytes > size:
        raise ValueError(f"an array of {array.nbytes:,} bytes in weights of {size:,}")
    array[()]


def check_tflite(path):
    """Checks the structure of a .tflite file, and runs it on three images.

    Raises:
        ValueError: for an invalid structure.
        Exception: anything that the runtime raises for a broken file.
    """
    with open(path, "rb") as file:
        content = file.read()
    from mosaickd_tf.vetting import tflite_files

    tflite_files.check_structure(content)
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    for level in (0, 1, 127):
        for source in interpreter.get_input_details():
            value = np.full(source["shape"], level, source["dtype"])
            interpreter.set_tensor(source["index"], value)
        interpreter.invoke()
        for target in interpreter.get_output_details():
            interpreter.get_tensor(target["index"])


if __name__ == "__main__":
    main(*sys.argv[1:])
