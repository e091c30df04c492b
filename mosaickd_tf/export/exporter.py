"""Export of a student in all requested formats to one folder."""

import contextlib
import functools
import shutil

from mosaickd_tf import evaluation, models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import metadata, writers
from mosaickd_tf.export.formats import FORMATS, WriterInputs
from mosaickd_tf.export.verify import verify_export
from mosaickd_tf.tasks import TASKS
from mosaickd_tf.utils import files


def export_student(
    student,
    folder,
    config,
    images,
    *,
    task=TASKS["single_label"],
    labels=None,
    label_names=(),
    calibration=None,
    compressed=(),
    compared_on="",
):
    """Writes the student in every requested format and verifies each file.

    The files are moved into place when all are verified: an earlier export is complete until then.

    Args:
        student: Keras model from unit images to logits.
        folder: where the files go; other files in it stay.
        config: an `ExportConfig`.
        images: uint8 images `(n, height, width, channels)` on which outputs are compared.
        task: `Task` of the student.
        labels: of the images, as the task has them, or None.
        label_names: a name for each class; written to labels.txt and into each .tflite.
        calibration: a `Calibration` for the formats that need one, or None.
        compressed: files of other formats to copy, each with `format`, `path` and `facts`.
        compared_on: description of the images.

    Returns:
        A list of entries, one per file: the `exports` of result.json.

    Raises:
        RequestError: when a format does not support the student, or the folder cannot be written.
        RunError: when a file's outputs are not the student's.
    """
    student = models.portable_copy(student)
    inputs = _writer_inputs(student, config, calibration, task)
    description = _description(student, config, label_names, task)
    logits = evaluation.predict_logits(student, images)
    served = task.probabilities(logits) if config.outputs == "probabilities" else logits
    facts = {"images": images, "labels": labels, "task": task}
    verify = functools.partial(verify_export, expected=served, outputs=config.outputs, **facts)
    entries = []
    with _writable(folder), files.atomic_folder(folder) as place:
        for name in (name for name in config.exports if name in FORMATS):
            if name == "keras":
                writers.save_student(student, place / "student.keras")
                entry = verify(place / "student.keras", expected=logits, outputs="logits")
                entries.append({"format": name} | entry)
            path = _write(name, place, inputs, description)
            min_agreement = None if FORMATS[name].exact else config.min_agreement
            entry = verify(path, min_agreement=min_agreement)
            used = calibration.counts if FORMATS[name].calibrated else None
            entries.append({"format": name} | entry | {"calibration": used})
        entries += _copy_compressed(compressed, place, description, verify)
        if label_names:
            files.write_text(place / metadata.LABELS, metadata.lines(label_names))
    shared = {"macs": models.macs(student), "compared_on": compared_on or f"{len(images)} images"}
    return [{"calibration": None} | entry | shared for entry in entries]


def _writer_inputs(student, config, calibration, task):
    images = None if calibration is None else calibration.images
    return WriterInputs(student=student, outputs=config.outputs, calibration=images, task=task)


def _write(name, place, inputs, description):
    """Writes one file; returns its path."""
    row = FORMATS[name]
    if row.calibrated and inputs.calibration is None:
        raise RequestError(
            f"`exports` {name} needs images for calibration. Expected synthetic or OOD ones. "
            "Received: none"
        )
    path = place / row.file
    row.write(inputs, path)
    if path.suffix == ".tflite":
        metadata.describe(path, description)
    return path


def _copy_compressed(compressed, place, description, verify):
    """Copies compressed files; yields their entries."""
    for source in compressed:
        path = place / source.path.name
        shutil.copyfile(source.path, path)
        metadata.describe(path, description)
        entry = verify(path, min_agreement=0.0)  # the cost of compression is reported, not limited
        yield {"format": source.format} | entry | {"compression": source.facts}


def _description(student, config, label_names, task):
    return metadata.Description(
        name=student.name,
        outputs=config.outputs,
        image_shape=student.input_shape[1:],
        num_classes=student.output_shape[-1],
        label_names=tuple(label_names),
        multi_label=task.label_rank == 2,
        author=config.author,
        license=config.license,
    )


@contextlib.contextmanager
def _writable(folder):
    """Turns the refusal of a folder into a `RequestError`; a full disk stays an `OSError`."""
    try:
        yield
    except OSError as error:
        if files.is_disk_full(error):
            raise
        raise RequestError(
            "Cannot write the exports. Expected a writable folder. Received: "
            f"{str(folder)!r} ({error.strerror}). Choose another `export_dir`"
        ) from error
