"""TFLite Metadata of a .tflite file, as Android Studio and task libraries read it.

The schema is tflite-support's metadata_schema.fbs 1.1.0; the package that writes it cannot be
installed beside present versions. A table is represented here as a dict from the slots of its
fields in the schema to their values.
"""

import dataclasses
import zipfile

import flatbuffers
import numpy as np

from mosaickd_tf.utils import files

BUFFER_NAME = "TFLITE_METADATA"
LABELS = "labels.txt"
MIN_PARSER_VERSION = "1.0.0"  # all fields below are of this version
_IDENTIFIER = b"M001"
_GRAY, _COLOR = 2, 1  # ColorSpaceType
_IMAGE, _FEATURE, _NORMALIZATION = 2, 1, 1  # indices in their unions
_AXIS_LABELS = 2  # AssociatedFileType
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date, for reproducible bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Description:
    """Description of a model.

    Attributes:
        name: of the network.
        outputs: "probabilities" or "logits".
        image_shape: `(height, width, channels)`.
        num_classes: number of classes, or of labels.
        label_names: a name for each class; may be empty.
        multi_label: whether an image has any number of labels instead of one class.
        author: of the model; may be empty.
        license: of the model; may be empty.
    """

    name: str
    outputs: str
    image_shape: tuple
    num_classes: int
    label_names: tuple = ()
    multi_label: bool = False
    author: str = ""
    license: str = ""


def describe(path, description):
    """Writes a description, and the labels, into a .tflite file that has none.

    The labels are a zip archive after the model, which the runtime ignores.
    """
    from ai_edge_litert.tools import flatbuffer_utils as utils

    model = utils.read_model(str(path))
    entry = utils.schema_fb.MetadataT(name=BUFFER_NAME.encode(), buffer=len(model.buffers))
    model.metadata = [*(model.metadata or []), entry]
    model.buffers.append(utils.BufferT(data=np.frombuffer(encoded(description), np.uint8)))
    with files.atomic_write(path) as partial:
        partial.write_bytes(utils.convert_object_to_bytearray(model))
        if description.label_names:
            with zipfile.ZipFile(partial, "a") as archive:
                archive.writestr(zipfile.ZipInfo(LABELS, _EPOCH), lines(description.label_names))


def lines(label_names):
    """Returns the content of a file of labels: one name per line."""
    return "".join(f"{name}\n" for name in label_names)


def encoded(description):
    """Returns the metadata of a `Description` as bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, _model(description)), _IDENTIFIER)
    return bytes(builder.Output())


def _model(it):
    text = f"An image classifier of {it.num_classes} {_kind(it)}, exported by mosaickd_tf."
    graph = {2: [_input(it)], 3: [_output(it)]}
    return {0: it.name, 1: text, 3: [graph], 4: it.author, 5: it.license, 7: MIN_PARSER_VERSION}


def _kind(it):
    return "independent labels" if it.multi_label else "classes"


def _input(it):
    height, width, channels = it.image_shape
    space = _GRAY if channels == 1 else _COLOR
    image = {0: np.int8(space), 1: {0: np.uint32(width), 1: np.uint32(height)}}
    identity = {0: np.array([0.0]), 1: np.array([1.0])}
    colors = "gray" if channels == 1 else "red, green, blue"
    return {
        0: "images",
        1: f"One image of {width}x{height} pixels, {colors}, a byte each from 0 to 255.",
        3: {0: np.uint8(_IMAGE), 1: image},
        4: [{0: np.uint8(_NORMALIZATION), 1: identity}],
        5: {0: np.array([255.0]), 1: np.array([0.0])},
    }


def _output(it):
    labels = {0: LABELS, 1: "The name of each class, a line each.", 2: np.int8(_AXIS_LABELS)}
    return {
        0: it.outputs,
        1: f"The {it.outputs} of the {it.num_classes} {_kind(it)}.",
        3: {0: np.uint8(_FEATURE), 1: {}},
        6: [labels] if it.label_names else None,
    }


def _table(builder, fields):
    """Writes a table after its content; returns its offset."""
    offsets = {slot: _written(builder, value) for slot, value in fields.items()}
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, value in fields.items():
        if isinstance(value, np.generic):
            _SCALARS[value.dtype.name](builder, slot, value.item(), 0)
        elif offsets[slot] is not None:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
    return builder.EndObject()


_SCALARS = {
    "int8": flatbuffers.Builder.PrependInt8Slot,
    "uint8": flatbuffers.Builder.PrependUint8Slot,
    "uint32": flatbuffers.Builder.PrependUint32Slot,
}


def _written(builder, value):
    """Writes a string, an array, a table or a list of tables; returns None for other values."""
    if isinstance(value, str) and value:
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value.astype(np.float32))
    if isinstance(value, dict):
        return _table(builder, value)
    if isinstance(value, list):
        tables = [_table(builder, fields) for fields in value]
        builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            builder.PrependUOffsetTRelative(table)
        return builder.EndVector()
    return None
