"""Arrays and names of HDF5 files that Keras could be led by: links, sizes, repetitions."""

import h5py
import numpy as np
import pytest

from mosaickd_tf.vetting.hdf5_arrays import check_groups


def check(path, write):
    with h5py.File(path, "w") as file:
        write(file)
    check_groups(str(path), path.stat().st_size)


def test_arrays_in_groups_and_names_are_accepted(tmp_path):
    def write(file):
        file.attrs["layer_names"] = np.array([b"a", b"b"])
        file.create_dataset("a/kernel", data=np.ones((3, 3), "float32"))

    check(tmp_path / "right.h5", write)


def external(file):
    file.create_dataset("x", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def soft_link(file):
    file["x"] = h5py.SoftLink("/y")


def external_link(file):
    file["x"] = h5py.ExternalLink("other.h5", "/y")


def objects(file):
    file.create_dataset("x", data="text", dtype=h5py.string_dtype())


def huge(file):
    file.create_dataset("x", (10**9,), "f4", chunks=(1000,))  # of which nothing is stored


def loop(file):
    file["again"] = file["/"]


def repeated(file):
    file.attrs["weight_names"] = np.array([b"a", b"a"])


def empty_part(file):
    file.attrs["layer_names"] = np.array([b"a//b"])


def nested(file):
    file.create_group("/".join("g" * 70))


@pytest.mark.parametrize(
    "write, words",
    [
        (external, "another file"),
        (soft_link, "SoftLink"),
        (external_link, "ExternalLink"),
        (objects, "no numbers"),
        (huge, "an array of 4,000,000,000 bytes"),
        (loop, "occurs twice"),
        (repeated, "occur twice"),
        (empty_part, "empty part"),
        (nested, "within each other"),
    ],
)
def test_what_could_lead_elsewhere_is_refused(tmp_path, write, words):
    with pytest.raises(ValueError, match=words):
        check(tmp_path / "wrong.h5", write)
