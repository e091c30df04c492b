"""Reading of all arrays and attributes of an HDF5 file, in the subprocess that checks files."""

import math

_MAX_DEPTH = 64  # of groups in groups; a nested model of Keras takes a few
_LISTS = ("layer_names", "weight_names")  # attributes by which Keras finds what it reads


def check_groups(source, size):
    """Reads every array and attribute of an HDF5 file without following links.

    Args:
        source: path of the file, or a file object.
        size: of the file in bytes, which each array and each chunk may have too, and all arrays
            together twice.

    Raises:
        ValueError: for an array that is not stored completely in the file itself or is none of
            numbers, and for names by which one would be read repeatedly.
        Exception: anything that h5py raises for a broken file.
    """
    import h5py

    total = 0
    with h5py.File(source, "r") as file:
        groups, visited = [(file, 0)], set()
        for group, depth in groups:
            address = h5py.h5o.get_info(group.id).addr
            if address in visited:
                raise ValueError("a group of weights that occurs twice")
            if depth > _MAX_DEPTH:
                raise ValueError(f"more than {_MAX_DEPTH} groups within each other")
            visited.add(address)
            _read_attributes(group)
            for name in group:
                kind = group.get(name, getclass=True, getlink=True)
                if kind is not h5py.HardLink:
                    raise ValueError(f"a {kind.__name__} in its weights")
                item = group[name]
                if isinstance(item, h5py.Group):
                    groups.append((item, depth + 1))
                    continue
                total += _read_array(item, size)
                if total > 2 * size:
                    raise ValueError(f"arrays of more than {total:,} bytes in a file of {size:,}")


def _read_attributes(group):
    names = {}
    for key, value in group.attrs.items():
        for wanted in _LISTS:
            if key.startswith(wanted) and getattr(value, "shape", ()):
                names.setdefault(wanted, []).extend(value.tolist())
    for found in names.values():
        _check_names(found)


def _check_names(names):
    """Raises `ValueError` for names that occur twice, or of which there are several spellings."""
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("names of weights that are no text")
    if any({"", "."} & set(text.split("/")) for text in texts):
        raise ValueError("a name of weights with an empty part")
    if len(set(texts)) != len(texts):
        raise ValueError("names of weights that occur twice")


def _read_array(array, size):
    """Reads an array; returns its size in bytes."""
    import h5py

    if not isinstance(array, h5py.Dataset):
        raise ValueError(f"a {type(array).__name__} in its weights")
    if array.external or array.is_virtual:
        raise ValueError("weights stored in another file")
    if array.dtype.hasobject or array.dtype.names:
        raise ValueError("weights that are no numbers")
    if array.nbytes > size:
        raise ValueError(f"an array of {array.nbytes:,} bytes in weights of {size:,}")
    if array.chunks and math.prod(array.chunks) * array.dtype.itemsize > size:
        raise ValueError("an array in chunks that are larger than the file")
    array[()]
    return array.nbytes
