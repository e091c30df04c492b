"""Contents of HDF5 files that name other files, or take more memory than they store."""

import zlib

import h5py
import numpy as np


def _external(file):
    file.create_dataset("vars/0", (100,), "u1", external=[("/etc/passwd", 0, 100)])


def _virtual(file):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("vars/0", layout)


def _linked(file):
    file["vars/0"] = h5py.ExternalLink("/etc/passwd", "x")


def _soft(file):
    file["vars/0"] = h5py.SoftLink("/vars/0")


def _hollow(file):
    """Declares a hundred gigabytes without storing any."""
    file.create_dataset("vars/0", (100_000_000_000,), "u1", chunks=(1000,), compression="gzip")


def _many(file):
    """Declares many arrays that are as large as the file, without storing any."""
    for number in range(10):
        file.create_dataset(f"vars/{number}", (4000,), "u1", fillvalue=7, chunks=(1000,))


def _wide_chunk(file):
    """Stores ten bytes in a chunk of a gigabyte."""
    file.create_dataset("a", (10,), "u1", maxshape=(None,), chunks=(2**30,), compression="gzip")


def _long_stream(file):
    """Stores 400 megabytes of zeros, compressed, in a chunk of a kilobyte."""
    packer = zlib.compressobj(9)
    piece = bytes(2**20)
    stream = b"".join([*(packer.compress(piece) for _ in range(400)), packer.flush()])
    array = file.create_dataset("a", (1000,), "u1", chunks=(1000,), compression="gzip")
    array.id.write_direct_chunk((0,), stream)


def _circle(file):
    file.create_group("a")
    file["a/a"] = file["a"]


def _deep(file):
    for _ in range(100):
        file = file.create_group("a")


def _repeated(file):
    """Names one array a thousand times."""
    file.create_group("dense").attrs["weight_names"] = np.array([b"kernel"] * 1000)


def _respelled(file):
    file.create_group("dense").attrs["weight_names"] = np.array([b"a/b", b"a//b"])


def _in_parts(file):
    """Names a group twice, in the two parts of a list that Keras splits."""
    file.attrs["layer_names0"] = file.attrs["layer_names1"] = np.array([b"dense"])


def _numbered(file):
    file.attrs["layer_names"] = np.arange(3)


def _variable_length(file):
    file.create_dataset("a", (2,), h5py.vlen_dtype("f4"))


def _compound(file):
    file.create_dataset("a", data=np.zeros(5, [("a", "f4"), ("b", "i4")]))


def _references(file):
    file.create_dataset("a", (2,), h5py.ref_dtype)


def _committed(file):
    file["a"] = np.dtype("f4")


NOT_STORED = {  # and a part of the message by which each is refused
    _external: "weights stored in another file",
    _virtual: "weights stored in another file",
    _linked: "a ExternalLink in its weights",
    _soft: "a SoftLink in its weights",
    _hollow: "an array of 100,000,000,000 bytes",
    _many: "arrays of more than",
    _circle: "occurs twice",
}
BAD = NOT_STORED | {
    _wide_chunk: "chunks that are larger than the file",
    _long_stream: "read data",
    _deep: "more than 64 groups within each other",
    _repeated: "names of weights that occur twice",
    _respelled: "a name of weights with an empty part",
    _in_parts: "names of weights that occur twice",
    _numbered: "names of weights that are no text",
    _variable_length: "weights that are no numbers",
    _compound: "weights that are no numbers",
    _references: "weights that are no numbers",
    _committed: "a Datatype in its weights",
}
