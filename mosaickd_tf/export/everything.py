"""All formats that were asked for, into one folder."""

import pathlib

import numpy as np

from mosaickd_tf import evaluation, files, models
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import writers
from mosaickd_tf.export.checking import check
from mosaickd_tf.export.formats import FORMATS, Material

MAX_COMPARED = 1000


def export_student(
    student, folder, config, images, *, labels=None, label_names=(), calibration=None
):
    """Writes the student in every format asked for and checks each file.

    Args:
        student: Keras model from unit images to logits.
        folder: where the files go.
        config: an `ExportConfig`.
        images: real uint8 images `(n, height, width, channels)` to compare on.
        labels: integers `(n,)`, or None.
        label_names: a name for each class; written to labels.txt.
        calibration: uint8 images `(n, height, width, channels)` for the formats that need them.

    Returns:
        A list of entries, one a file: the `exports` of result.json.

    Raises:
        RequestError: when a format cannot hold the student.
        RunError: when a file does not give what the student gives.
    """
    folder = pathlib.Path(folder)
    student = models.portable_copy(student)
    check_calibration(config.exports, calibration)
    material = Material(student=student, outputs=config.outputs, calibration=calibration)
    logits = evaluation.predict_logits(student, images)
    served = _softmax(logits) if config.outputs == "probabilities" else logits
    entries = []
    for name in config.exports:
        if name == "keras":
            writers.save_student(student, folder / "student.keras")
            entry = check(folder / "student.keras", logits, images, labels)
            entries.append({"format": name} | entry)
        asked = FORMATS[name]
        asked.write(material, folder / asked.file)
        floor = None if asked.exact else config.min_agreement
        entry = check(folder / asked.file, served, images, labels, min_agreement=floor)
        entries.append({"format": name} | entry)
    if label_names:
        files.write_text(folder / "labels.txt", "".join(f"{name}\n" for name in label_names))
    return entries


def check_calibration(exports, images):
    """Raises `RequestError` when a format needs images and there are none."""
    needy = [name for name in exports if FORMATS[name].calibrated]
    if needy and (images is None or not len(images)):
        raise RequestError(
            f"Images to calibrate with are needed. Expected OOD or synthetic ones for "
            f"--exports={','.join(needy)}. Received: none"
        )


def export_file(student_path, folder, source, config):
    """Exports a student from a .keras file, compared on real images from anywhere.

    Args:
        student_path: a .keras classifier of unit images.
        folder: where the files go.
        source: an `ExportSourceConfig`.
        config: an `ExportConfig`.

    Returns:
        As `export_student`.

    Raises:
        RequestError: for a file that is no such student, or images that cannot be read.
    """
    student = models.load_classifier(student_path)
    height, width, channels = student.input_shape[1:]
    if height != width or student.inputs[0].dtype == "uint8":
        raise RequestError(
            "Expected a student of square unit images. Received: "
            f"{student.inputs[0].dtype} {student.input_shape[1:]} in {str(student_path)!r}"
        )
    label_names = _read_labels(source.labels, student.output_shape[-1])
    data = DataConfig(
        ood_dataset=source.images,
        data_dir=source.data_dir,
        image_size=height,
        channels=channels,
        ood_fit="crops" if source.images == "embedded:photos" else "resize",
        ood_crops_per_picture=MAX_COMPARED // 2,
    )
    images = loading.load_ood(data).images[:MAX_COMPARED]
    return export_student(student, folder, config, images, label_names=label_names)


def _read_labels(path, num_classes):
    if not path:
        return ()
    if not pathlib.Path(path).is_file():
        raise RequestError(f"No such file. Expected a name a line. Received: --labels={path!r}")
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != num_classes:
        raise RequestError(
            f"Expected {num_classes} names, one a class. Received: {len(names)} in {path!r}"
        )
    return names


def _softmax(logits):
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
