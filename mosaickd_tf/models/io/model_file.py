"""Model files of any kind, opened as Keras models."""

import dataclasses

import keras

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.gradients import has_gradients
from mosaickd_tf.models.io.applications import load_application
from mosaickd_tf.models.io.custom_objects import load_custom_objects
from mosaickd_tf.models.io.hdf5 import load_hdf5
from mosaickd_tf.models.io.keras import load_keras
from mosaickd_tf.models.io.saved_model import open_saved_model
from mosaickd_tf.models.io.tflite import load_tflite


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model as its file has it: any order of axes, range of pixels, number and kind of outputs.

    Attributes:
        path: of the file or folder.
        kind: of the file, as users call it: "Keras file", "HDF5 file", "SavedModel", "TFLite file".
        model: Keras model from the file's images to its outputs.
        output_names: name of each output, in the order of `model.outputs`.
        written_by: what wrote it, as "Keras 2.3.1"; empty where the file does not tell.
        is_own: whether this package wrote it, so that it maps unit images to logits.
        has_gradients: whether gradients flow from its outputs to its images.
        pixels: range of pixels that the kind of file shows, a value of `teacher_input`, or empty.
        pixels_by: by what that is known: "quantization", or "keras.applications", from which
            weights of another source may deviate.
        remarks: what was translated or left out, a sentence each.
    """

    path: str
    kind: str
    model: keras.Model
    output_names: tuple[str, ...]
    written_by: str = ""
    is_own: bool = False
    has_gradients: bool = True
    pixels: str = ""
    pixels_by: str = ""
    remarks: tuple[str, ...] = ()


def open_model_file(path, *, allow_code=False, custom_objects="", signature="", network=""):
    """Opens a model file; no code runs from it unless allowed.

    Args:
        path: of the file, or of the folder of a SavedModel.
        allow_code: whether code of the file, and `custom_objects`, may run.
        custom_objects: path of a Python module with the custom layers of a Keras file, or empty.
        signature: name of a SavedModel's signature; empty for the default or only one.
        network: name of the network of keras.applications whose weights the file holds, or empty.

    Returns:
        A `ModelFile`.

    Raises:
        RequestError: for a file that is missing, unreadable, unsafe or no image classifier, with
            what it is and what to do.
    """
    kind = vetting.kind_of(path)
    objects = load_custom_objects(custom_objects, allow_code)
    written_by, pixels, remarks = "", "", []
    if network:
        model, pixels, remarks = load_application(path, network)
    elif kind == vetting.SAVED_MODEL:
        model, written_by, remarks = open_saved_model(path, allow_code, signature)
    elif kind == vetting.TFLITE:
        model, pixels, remarks = load_tflite(path)
    elif kind == vetting.HDF5:
        model, written_by, remarks = load_hdf5(path, allow_code, objects)
    else:
        model, written_by = load_keras(path, allow_code, objects)
    _check_built(model, path)
    return ModelFile(
        path=str(path),
        kind=kind,
        model=model,
        output_names=output_names(model),
        written_by=written_by,
        is_own=kind == vetting.KERAS and _is_own(model),
        has_gradients=kind in (vetting.KERAS, vetting.HDF5) or has_gradients(model),
        pixels=pixels,
        pixels_by=pixels and ("keras.applications" if network else "quantization"),
        remarks=tuple(remarks),
    )


def _check_built(model, path):
    """Raises `RequestError` for a network whose images have no shape yet."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise RequestError(
            "Not a network of known input. Expected a functional or sequential Keras model with an "
            f"input shape. Received: {str(path)!r}, a {type(model).__name__}. Call the model on "
            "images before it is saved, or export it as a SavedModel"
        )


def output_names(model):
    """Returns a name for each output of a Keras model, unique ones."""
    names = getattr(model, "output_names", None) or []
    if len(names) != len(model.outputs) or len(set(names)) != len(names):
        names = [f"output_{index}" for index in range(len(model.outputs))]
    return tuple(names)


def _is_own(model):
    """Returns whether a network has input and output as this package writes them."""
    is_single = len(model.inputs) == 1 and len(model.outputs) == 1
    return is_single and model.inputs[0].name == "unit_images"
