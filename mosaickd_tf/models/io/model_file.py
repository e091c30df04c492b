"""Model files of any kind, opened as Keras models."""

import dataclasses
import pathlib

import keras

from mosaickd_tf import vetting
from mosaickd_tf.models.io.keras import load_classifier
from mosaickd_tf.models.io.saved_model import load_saved_model


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
        remarks: what was translated or left out, a sentence each.
    """

    path: str
    kind: str
    model: keras.Model
    output_names: tuple[str, ...]
    written_by: str = ""
    is_own: bool = False
    has_gradients: bool = True
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
    if vetting.is_saved_model(path):
        model, kind = load_saved_model(path, allow_code), "SavedModel"
    else:
        model, kind = load_classifier(path), "Keras file"
    return ModelFile(
        path=str(path),
        kind=kind,
        model=model,
        output_names=("output",),
        is_own=model.inputs[0].name == "unit_images" and pathlib.Path(path).suffix == ".keras",
    )
