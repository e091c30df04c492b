"""All formats that were asked for, into one folder."""

import contextlib
import shutil

import numpy as np

from mosaickd_tf import evaluation, models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import metadata, writers
from mosaickd_tf.export.formats import FORMATS, WriterInputs
from mosaickd_tf.export.verify import check
from mosaickd_tf.utils import files


def export_student(
    student,
    folder,
    config,
    images,
    *,
    labels=None,
    label_names=(),
    calibration=None,
    compressed=(),
    compared_on="",
):
    """Writes the student in every format asked for and checks each file.

    The files are written to a new folder and moved into place when all are found good, so that
    an export that stood there before is never left half overwritten.

    Args:
        student: Keras model from unit images to logits.
        folder: where the files go; others in it stay.
        config: an `ExportConfig`.
        images: uint8 images `(n, height, width, channels)` to compare on.
        labels: integers `(n,)`, or None.
        label_names: a name for each class; written to labels.txt and into each .tflite.
        calibration: a `Calibration` for the formats that need one, or None.
        compressed: finished files of formats that are not of `FORMATS`, each with its `format`,
            `path` and `facts`; they are copied.
        compared_on: what the images are, in words.

    Returns:
        A list of entries, one a file: the `exports` of result.json.

    Raises:
        RequestError: when a format cannot hold the student, or the folder cannot be written.
        RunError: when a file does not give what the student gives.
    """
    student = models.portable_copy(student)
    material = WriterInputs(
        student=student,
        outputs=config.outputs,
        calibration=None if calibration is None else calibration.images,
    )
    description = _description(student, config, label_names)
    logits = evaluation.predict_logits(student, images)
    served = _softmax(logits) if config.outputs == "probabilities" else logits
    entries = []
    with _writable(folder), files.atomic_folder(folder) as place:
        for name in (name for name in config.exports if name in FORMATS):
            if name == "keras":
                writers.save_student(student, place / "student.keras")
                entry = check(place / "student.keras", logits, images, labels)
                entries.append({"format": name} | entry)
            entry = _export(name, place, material, description, config, served, images, labels)
            used = calibration.counts if FORMATS[name].calibrated else None
            entries.append({"format": name} | entry | {"calibration": used})
        for made in compressed:
            entry = _bring(made, place, description, served, images, labels)
            entries.append({"format": made.format} | entry | {"compression": made.facts})
        if label_names:
            files.write_text(place / metadata.LABELS, metadata.lines(label_names))
    shared = {"macs": models.macs(student), "compared_on": compared_on or f"{len(images)} images"}
    return [{"calibration": None} | entry | shared for entry in entries]


def _export(name, place, material, description, config, expected, images, labels):
    """Writes one file and checks it; returns its numbers."""
    asked = FORMATS[name]
    if asked.calibrated and material.calibration is None:
        raise RequestError(
            f"--exports={name} needs images to calibrate with. Expected synthetic or OOD ones. "
            "Received: none"
        )
    path = place / asked.file
    asked.write(material, path)
    if path.suffix == ".tflite":
        metadata.describe(path, description)
    floor = None if asked.exact else config.min_agreement
    return check(path, expected, images, labels, min_agreement=floor)


def _bring(made, place, description, expected, images, labels):
    """Copies a compressed file and checks it; what compression costs is told, not judged."""
    path = place / made.path.name
    shutil.copyfile(made.path, path)
    metadata.describe(path, description)
    return check(path, expected, images, labels, min_agreement=0.0)


def _description(student, config, label_names):
    return metadata.Description(
        name=student.name,
        outputs=config.outputs,
        image_shape=student.input_shape[1:],
        num_classes=student.output_shape[-1],
        label_names=tuple(label_names),
        author=config.author,
        license=config.license,
    )


@contextlib.contextmanager
def _writable(folder):
    """Turns the refusal of a folder into a `RequestError`; a full disk stays what it is."""
    try:
        yield
    except OSError as error:
        if files.is_for_want_of_room(error):
            raise
        raise RequestError(
            "Cannot write the exports. Expected a writable folder. Received: "
            f"{str(folder)!r} ({error.strerror}). Choose another --export_dir"
        ) from error


def _softmax(logits):
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
