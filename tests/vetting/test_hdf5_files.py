"""HDF5 files, examined before their network is built: what they store, and their description."""

import json

import h5py
import numpy as np
import pytest

from mosaickd_tf.vetting import hdf5_files
from mosaickd_tf.vetting.hdf5_files import examine_arrays, examine_hdf5
from tests.refusals import refusal
from tests.vetting.bad_hdf5 import BAD

CONFIG = json.dumps({"class_name": "Sequential", "config": {"layers": []}})


def written(path, build=lambda file: None, **attributes):
    with h5py.File(path, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        build(file)
    return path


@pytest.mark.parametrize("build", BAD, ids=lambda build: build.__name__.strip("_"))
def test_a_file_that_is_not_whole_in_itself_is_refused(tmp_path, build):
    path = written(tmp_path / "1.h5", build, model_config=CONFIG)
    assert BAD[build] in refusal(examine_hdf5, path)
    assert BAD[build] in refusal(examine_arrays, path)  # weights alone


def test_a_file_is_described_with_its_version_and_the_size_of_its_arrays(tmp_path):
    def build(file):
        file.create_dataset("model_weights/a/kernel:0", data=np.ones((3, 5), "float32"))
        file.create_dataset("model_weights/a/bias:0", data=np.ones(5, "float16"))
        file["model_weights/a/again"] = file["model_weights/a/bias:0"]
        file.attrs["keras_version"] = b"2.4.0"

    path = written(tmp_path / "1.h5", build, model_config=CONFIG.encode())
    assert examine_hdf5(path) == (json.loads(CONFIG), "2.4.0", 3 * 5 * 4 + 5 * 2)
    assert examine_arrays(path) == 70


def test_the_version_is_short_and_printable(tmp_path):
    path = written(tmp_path / "1.h5", model_config=CONFIG, keras_version="2\n\x1b[2J" + 99 * "9")
    version = examine_hdf5(path)[1]
    assert version.isprintable() and len(version) <= 20
    path = written(tmp_path / "2.h5", model_config=CONFIG, keras_version=np.array([b"2\n", b"3"]))
    assert examine_hdf5(path)[1].isprintable()
    path = written(tmp_path / "3.h5", model_config=CONFIG)
    assert examine_hdf5(path)[1] == ""


def test_weights_alone_are_said_to_be_so_with_what_to_do(tmp_path):
    message = refusal(examine_hdf5, written(tmp_path / "1.h5", layer_names=np.array([b"dense"])))
    assert "weights only, without a network" in message and "`teacher_network`" in message


@pytest.mark.parametrize(
    "config, words",
    [
        ("{", "a broken file (Expecting"),
        ("[]", "a description that is a list"),
        (b"\xff\xfe", "a broken file"),
        (np.arange(3), "a broken file"),
        (h5py.Empty("S1"), "a broken file"),
        ("[" * 20000, "recursion"),
        ("9" * 10000, "a broken file (Exceeds the limit"),
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path, config, words):
    assert words in refusal(examine_hdf5, written(tmp_path / "1.h5", model_config=config))


def test_a_description_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_files, "MAX_CONFIG", 50)
    assert "more than 50 bytes" in refusal(
        examine_hdf5, written(tmp_path / "1.h5", model_config=CONFIG)
    )


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = written(tmp_path / "1.h5", lambda file: file.create_dataset("a", data=np.ones(9999)))
    path.write_bytes(path.read_bytes()[:5000])
    assert "truncated file" in refusal(examine_hdf5, path)
