"""Recognition of a model file by its content, whatever its name says."""

import pathlib
import zipfile

from mosaickd_tf.errors import RequestError
from mosaickd_tf.vetting.saved_models import is_saved_model

KERAS, HDF5, SAVED_MODEL, TFLITE = "Keras file", "HDF5 file", "SavedModel", "TFLite file"
_FIRST_BYTES = 4096
_ADVICE = "Save the model as .keras or .h5, or export a SavedModel"
# Kinds of files by their first bytes, and what to do with one.
_BY_FIRST_BYTES = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        "Run `git lfs pull` in the repository that it comes from",
    ),
    (b"\x80", "a Python pickle, which runs code when it is read", _ADVICE),
    (b"GGUF", "a GGUF file of a language model", "Name an image classifier"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it and name the model file inside"),
    (b"\xfd7zXZ", "an xz archive", "Unpack it and name the model file inside"),
    (b"%PDF", "a PDF document", "Get the model file from its source"),
    (b"\xff\xd8\xff", "a JPEG image", "Name the model file"),
    (b"\x89PNG", "a PNG image", "Name the model file"),
)
# Kinds of files by their suffixes, for content that shows nothing.
_BY_SUFFIX = {
    ".keras": "a Keras file",
    ".h5": "an HDF5 file",
    ".hdf5": "an HDF5 file",
    ".tflite": "a TFLite file",
    ".zip": "a zip archive",
    ".safetensors": "a safetensors file",
    ".pt": "a PyTorch file",
    ".pth": "a PyTorch file",
    ".bin": "a PyTorch file",
}
_HTML = (b"<!doctype html", b"<html", b"<?xml", b"<head")


def kind_of(path):
    """Returns the kind of a model file: `KERAS`, `HDF5`, `SAVED_MODEL` or `TFLITE`.

    Args:
        path: of the file, or of the folder of a SavedModel.

    Raises:
        RequestError: for anything else, with what it is and what to do.
    """
    path = pathlib.Path(path)
    if is_saved_model(path):
        return SAVED_MODEL
    if path.is_dir():
        raise _refusal(path, *_folder(path))
    if not path.is_file():
        raise RequestError(
            f"No such file. Expected a model file. Received: {str(path)!r}, where there is nothing."
            " Note that a relative path starts at the current folder"
        )
    with open(path, "rb") as file:
        first = file.read(_FIRST_BYTES)
    if first.startswith(b"\x89HDF\r\n\x1a\n"):
        return HDF5
    if first[4:8] == b"TFL3":
        return TFLITE
    if first.startswith(b"PK"):
        return _kind_of_zip(path)
    raise _refusal(path, *_other(path, first))


def _kind_of_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception as error:  # a broken zip raises more than zipfile documents
        raise _refusal(
            path,
            f"a broken zip file ({' '.join(str(error).split()) or type(error).__name__})",
            "Get it again from its source; it may have been cut off on its way",
        ) from error
    if any(name.endswith("data.pkl") for name in names):
        raise _refusal(path, "a PyTorch file", _torch_advice())
    models = [name for name in names if name.endswith((".h5", ".hdf5", ".keras", ".tflite", ".pb"))]
    if "config.json" not in names and models and "model.weights.h5" not in names:
        raise _refusal(path, f"a zip archive with {models[0]!r} in it", "Unpack it and name that")
    return KERAS


def _torch_advice():
    return (
        "Name a .pth file of an official network with `teacher_network`, or convert the model to "
        "Keras or a SavedModel"
    )


def _folder(path):
    models = sorted(
        item.name
        for item in path.iterdir()
        if item.suffix in (".keras", ".h5", ".hdf5", ".tflite") or is_saved_model(item)
    )
    if models:
        return f"a folder with {models[0]!r} in it", "Name that"
    if (path / "model.json").is_file():
        return "a folder of TensorFlow.js", _ADVICE
    return "a folder without a SavedModel in it", "Name the model file"


def _other(path, first):
    """Returns what a file is that no library here reads as a model, and what to do."""
    if not first:
        return "an empty file", "Get it again from its source"
    for start, kind, advice in _BY_FIRST_BYTES:
        if first.startswith(start):
            advice = _torch_advice() if path.suffix in (".pt", ".pth") else advice
            return kind, advice
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_HTML):
        return (
            "a web page, saved in place of the file",
            "Download the file itself, by its raw or download link",
        )
    if first[8:9] == b"{" and b'"dtype"' in first:
        return "a safetensors file, of weights alone", _ADVICE
    if first[:1] == b"\x08" and (path.suffix == ".onnx" or b"onnx" in first or b"torch" in first):
        return "an ONNX model", "Convert it to a SavedModel, as onnx2tf does, and name that"
    if text.startswith(b"{"):
        is_network = b'"class_name"' in first or b'"modeltopology"' in text
        what = "a description of a network without weights" if is_network else "a JSON file"
        return what, _ADVICE
    if path.suffix == ".pb":
        return (
            "a graph of TensorFlow 1 (.pb)",
            "Name the folder of a SavedModel, or convert it to one",
        )
    if path.suffix == ".onnx":
        return "an ONNX model", "Convert it to a SavedModel, as onnx2tf does, and name that"
    named = _named(path)
    if named is None:
        return "a file of another kind", _ADVICE
    again = "Get it again from its source, which may have it in another format"
    return f"a file of another kind, not {named} as its name says", again


def _named(path):
    """Returns the kind of file that a name stands for, such as `model.pth.tar`, or None."""
    kinds = (_BY_SUFFIX.get(suffix.lower()) for suffix in reversed(path.suffixes))
    return next(filter(None, kinds), None)


def _refusal(path, received, advice):
    return RequestError(
        "Not a model that can be read. Expected a .keras, .h5 or .tflite file, or the folder of a "
        f"SavedModel. Received: {str(path)!r}, {received}. {advice}"
    )
