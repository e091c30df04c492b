"""The process in which a file is tried: `python -m mosaickd_tf.vetting.child KIND PATH`.

Prints `fine`, or in a line what is wrong with the file.
"""

import io
import os
import resource
import sys
import zipfile

MEMORY = 2**32  # bytes that a trial may take beside four times the file


def main(kind, path):
    """Tries a file of a kind, within limits that the system keeps."""
    memory = MEMORY + 4 * os.path.getsize(path)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        {"weights": try_weights, "tflite": try_tflite}[kind](path)
        print("fine")
    except MemoryError:
        print(f"reading it takes more than {memory:,} bytes of memory")
    except Exception as error:  # the libraries raise whatever a broken file leads them to
        print(next(iter(str(error).splitlines()), "") or type(error).__name__)


def try_weights(path):
    """Reads every array in the weights of a .keras file, no link followed.

    Raises:
        ValueError: for an array that is not stored whole in the file itself.
        Exception: whatever a broken file leads h5py to.
    """
    import h5py

    with zipfile.ZipFile(path) as archive:
        content = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(content), "r") as file:
        groups, seen = [file], set()
        for group in groups:
            address = h5py.h5o.get_info(group.id).addr
            if address in seen:
                raise ValueError("a group of weights that stands in two places")
            seen.add(address)
            for name in group:
                kind = group.get(name, getclass=True, getlink=True)
                if kind is not h5py.HardLink:
                    raise ValueError(f"a {kind.__name__} in its weights")
                item = group[name]
                if isinstance(item, h5py.Group):
                    groups.append(item)
                else:
                    _read_array(item, len(content))


def _read_array(array, size):
    if array.external or array.is_virtual:
        raise ValueError("weights that lie in another file")
    if array.nbytes > size:
        raise ValueError(f"an array of {array.nbytes:,} bytes in weights of {size:,}")
    array[()]


def try_tflite(path):
    """Checks the structure of a .tflite file, and runs it on three images.

    Raises:
        ValueError: for a structure that is not right.
        Exception: whatever a broken file leads the runtime to.
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
