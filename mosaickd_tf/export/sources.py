"""What `bin/export` exports: a student from a file or a finished run, with images beside it."""

import dataclasses
import pathlib

from mosaickd_tf import models
from mosaickd_tf.config import DataConfig, ExtensionConfig, from_options
from mosaickd_tf.data import loading, ood_subset
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import metadata
from mosaickd_tf.export.images import COMPARED, ExportImages, export_with_images
from mosaickd_tf.utils import files
from mosaickd_tf.utils.text import as_name

GENERATOR = "generator.keras"  # in the folder of a run
_SEED = (2110, 0)  # of the noise


def save_generator(generator, run):
    """Keeps the generator of a run, float32 and of built-in layers, for exports to come."""
    with files.atomic_write(pathlib.Path(run) / GENERATOR) as partial:
        models.portable_copy(generator).save(partial)


def export_file(student_path, folder, source, config, compressed=()):
    """Exports a student from a .keras file, compared on images from anywhere.

    Args:
        student_path: a .keras classifier of unit images.
        folder: where the files go.
        source: an `ExportSourceConfig`; see `gather`.
        config: an `ExportConfig`.
        compressed: as `export_student` takes them.

    Returns:
        As `export_student`.

    Raises:
        RequestError: as `gather` and `export_with_images`.
    """
    student, supplies = gather(student_path, source)
    return export_with_images(student, folder, config, supplies, compressed)


def gather(student_path, source):
    """Reads a student and what goes with it.

    Args:
        student_path: a .keras classifier of unit images.
        source: an `ExportSourceConfig`; generator, images and labels are those of its `workdir`
            where it names no others.

    Returns:
        The student and its `ExportImages`.

    Raises:
        RequestError: for a file that is no such student, or images that cannot be read.
    """
    student = models.load_classifier(student_path)
    height, width, channels = student.input_shape[1:]
    if height != width or student.inputs[0].dtype == "uint8":
        raise RequestError(
            "Not such a student. Expected one of square unit images. Received: "
            f"{student.inputs[0].dtype} {student.input_shape[1:]} in {str(student_path)!r}. Name "
            "student.keras, not serving.keras"
        )
    label_names = _read_labels(source.labels, student.output_shape[-1])
    run = pathlib.Path(source.workdir) if source.workdir else None
    asked = (files.read_json(run / "result.json") or {}).get("config", {}) if run else {}
    synthesize = synthesizer(run, asked, student.output_shape[-1]) if run else None
    data = _data(source, asked, height, channels, has_generator=synthesize is not None)
    target = loading.load_target(data, training=False) if data.target_dataset else None
    if target:
        label_names = label_names or target.label_names
    elif run and not label_names and (run / "export" / metadata.LABELS).is_file():
        label_names = _read_labels(run / "export" / metadata.LABELS, student.output_shape[-1])
    return student, ExportImages(
        test=target.test if target else None,
        ood=_ood(data, run) if data.ood_dataset else None,
        synthesize=synthesize,
        label_names=label_names,
    )


def synthesizer(run, asked, num_classes):
    """What draws images of the generator that a run kept.

    Args:
        run: the folder of the run, a `pathlib.Path`.
        asked: the `config` of its result.json.
        num_classes: of the teacher.

    Returns:
        A function of a number, and of two integers as seed, that gives so many uint8 images;
        None for a run that kept no generator.

    Raises:
        RequestError: for a generator that is none.
    """
    if not (run / GENERATOR).is_file():
        return None
    generator = models.load_generator(run / GENERATOR)
    told = num_classes if from_options(ExtensionConfig, asked).conditional_weight else 0
    return lambda count, seed=_SEED: models.as_bytes(
        models.synthetic_images(generator, count, seed=seed, num_classes=told)
    )


def _data(source, asked, image_size, channels, has_generator):
    """The data of the run, or the images that were named in their stead."""
    if asked and not source.images:
        data = from_options(DataConfig, asked)
        moved = {"data_dir": source.data_dir} if source.data_dir else {}
        data = dataclasses.replace(data, validation_fraction=0.0, **moved)
        fits = (data.image_size, data.channels) == (image_size, channels)
        if fits and (data.target_dataset or data.ood_dataset or has_generator):
            return data
    images = source.images or "embedded:photos"
    return DataConfig(
        ood_dataset=images,
        data_dir=source.data_dir,
        max_broken=source.max_broken,
        image_size=image_size,
        channels=channels,
        ood_fit="crops" if images == "embedded:photos" else "resize",
        ood_crops_per_picture=COMPARED,
    )


def _ood(data, run):
    """The OOD images, of a run's own data set those from which its student learned."""
    images = loading.load_ood(data)
    return (
        ood_subset.kept_subset(images, files.read_json(run / ood_subset.FILE_NAME))
        if data.ood_subset
        else images
    )


def _read_labels(path, num_classes):
    if not path:
        return ()
    if not pathlib.Path(path).is_file():
        raise RequestError(
            f"No such file. Expected a name a line. Received: --labels={str(path)!r}. Write one, "
            "or leave --labels out"
        )
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"Not a text. Expected a name a line, in UTF-8. Received: --labels={str(path)!r} "
            f"({error}). Save it as UTF-8"
        ) from error
    names = tuple(as_name(line.strip()) for line in lines if line.strip())
    if len(names) != num_classes:
        raise RequestError(
            f"Names that do not fit. Expected {num_classes}, one a class. Received: {len(names)} "
            f"in --labels={str(path)!r}. Write a name a line"
        )
    return names
