"""Kinds of model files, recognized by their content."""

import io
import zipfile

import h5py
import numpy as np
import pytest

from mosaickd_tf.vetting import HDF5, KERAS, SAVED_MODEL, TFLITE, kind_of
from tests.refusals import refusal


def archive(*names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, "content")
    return packed.getvalue()


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model", "model.pth"])
def test_a_model_is_recognized_whatever_its_name_says(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(archive("config.json", "metadata.json", "model.weights.h5"))
    assert kind_of(path) == kind_of(str(path)) == KERAS
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)
    assert kind_of(path) == HDF5
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(50))
    assert kind_of(path) == TFLITE


def test_a_saved_model_is_a_folder_with_a_graph(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert kind_of(tmp_path) == SAVED_MODEL


_HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'


@pytest.mark.parametrize(
    "name, content, words",
    [
        (
            "model.keras",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "a Git LFS pointer, not the file itself. Run `git lfs pull`",
        ),
        ("model.h5", b"\n<!DOCTYPE html>\n<html>", "a web page"),
        ("model.h5", b"\xef\xbb\xbf<html lang='en'>", "Download the file itself"),
        ("model.h5", b"<?xml version='1.0'?><Error>AccessDenied", "a web page"),
        ("model.h5", b"", "an empty file. Get it again"),
        ("model.pkl", b"\x80\x04\x95", "a Python pickle, which runs code"),
        ("model.pth", b"\x80\x02", "convert the model to Keras or a SavedModel"),
        ("model.h5", b"\x1f\x8b\x08", "a gzip archive. Unpack it"),
        ("model.h5", b"\xfd7zXZ\0", "an xz archive"),
        ("model.h5", b"%PDF-1.7", "a PDF document"),
        ("model.h5", b"\xff\xd8\xff\xe0", "a JPEG image"),
        ("model.h5", b"\x89PNG\r\n", "a PNG image"),
        ("model.gguf", b"GGUF\3", "a language model"),
        ("m.safetensors", len(_HEADER).to_bytes(8, "little") + _HEADER, "a safetensors file"),
        ("model.onnx", b"\x08\x07\x12\x07pytorch", "an ONNX model. Convert it to a SavedModel"),
        ("model", b"\x08\x07\x12\x07pytorch", "an ONNX model"),
        ("model.json", b'{"class_name": "Sequential"}', "a network without weights"),
        ("model.json", b'{"modelTopology": {}}', "a network without weights"),
        ("labels.json", b'{"0": "cat"}', "a JSON file"),
        ("frozen.pb", b"\x0a\x10\x0a\x05input", "a graph of TensorFlow 1"),
        ("notes.txt", b"teacher", "a file of another kind. Save the model as .keras or .h5"),
        ("a.pth.tar", b"teacher", "of another kind, not a PyTorch file as its name says. Get"),
        ("a.safetensors", b"teacher", "of another kind, not a safetensors file as its name says"),
        ("a.v2.H5", b"teacher", "of another kind, not an HDF5 file as its name says"),
        ("model.pth", archive("archive/data.pkl", "archive/data/0"), "a PyTorch file"),
        ("model.zip", archive("keras_model.h5", "labels.txt"), "'keras_model.h5' in it. Unpack"),
        ("model.keras", archive("config.json", "model.weights.h5")[:-30], "a broken zip file"),
    ],
)
def test_another_file_is_refused_with_what_it_is_and_what_to_do(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    assert words in refusal(kind_of, path)


def test_a_folder_is_refused_with_the_model_in_it(tmp_path):
    assert "a folder without a SavedModel in it" in refusal(kind_of, tmp_path)
    (tmp_path / "model.json").write_text("{}")
    assert "a folder of TensorFlow.js" in refusal(kind_of, tmp_path)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    assert "a folder with '1' in it. Name that" in refusal(kind_of, tmp_path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    assert "No such file" in refusal(kind_of, tmp_path / "none.keras")
