"""Sources of `bin/export`: a student from a file or a finished run, with images."""

import dataclasses
import pathlib

from mosaickd_tf import models
from mosaickd_tf.config import DataConfig, with_options
from mosaickd_tf.data import loading, ood_subset
from mosaickd_tf.data.label_names import read_label_names
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export.images import COMPARED, ExportImages, export_with_images
from mosaickd_tf.tasks import get_task
from mosaickd_tf.utils import files
from mosaickd_tf.utils.images import to_uint8
from mosaickd_tf.workdir import inputs
from mosaickd_tf.workdir.finished import GENERATOR, FinishedRun, RunPaths

_SEED = (2110, 0)  # of the noise


def save_generator(generator, run):
    """Saves the generator of a run, float32 and of built-in layers, for later exports."""
    with files.atomic_write(pathlib.Path(run) / GENERATOR) as partial:
        models.portable_copy(generator).save(partial)


def export_file(student_path, folder, source, config, compressed=()):
    """Exports a student from a .keras file, compared on images from any source.

    Args:
        student_path: a .keras classifier of unit images.
        folder: where the files go.
        source: an `ExportSourceConfig`; see `open_student`.
        config: an `ExportConfig`.
        compressed: as of `export_student`.

    Returns:
        As `export_student`.

    Raises:
        RequestError: as `open_student` and `export_with_images`.
    """
    student, task, images = open_student(student_path, source)
    return export_with_images(student, folder, config, images, compressed, task=task)


def open_student(student_path, source):
    """Opens a student, with its task and images for its export.

    Args:
        student_path: a .keras classifier of unit images.
        source: an `ExportSourceConfig`; generator, images, labels and task are those of its
            `workdir` where it names no others.

    Returns:
        The student, its `Task` and its `ExportImages`.

    Raises:
        RequestError: for a file that is no such student, or images that cannot be read.
    """
    student, activation = models.load_student_file(student_path)
    height, width, channels = student.input_shape[1:]
    num_classes = student.output_shape[-1]
    label_names = read_label_names(source.labels, num_classes) if source.labels else ()
    paths = RunPaths(source.workdir) if source.workdir else None
    run = FinishedRun(source.workdir) if paths and paths.result_path.is_file() else None
    synthesize = synthesizer(paths) if paths else None
    data = _data(source, run, (height, width), channels, has_generator=synthesize is not None)
    if run:
        _check_inputs(run, source, data)
    if label_names and run and set(run.label_names) == set(label_names):
        data = dataclasses.replace(data, labels=source.labels)  # the same names in another order
    target = None
    if data.target_dataset:
        target = loading.load_target(data, training=False, num_labels=num_classes)
    if target:
        label_names = label_names or target.label_names
    elif paths and not label_names and paths.labels_path.is_file():
        label_names = read_label_names(paths.labels_path, num_classes)
    images = ExportImages(
        test=target.test if target else None,
        ood=_ood(data, run) if data.ood_dataset else None,
        synthesize=synthesize,
        label_names=label_names,
    )
    is_multi = activation == "sigmoid" or num_classes == 1
    found = "multi_label" if is_multi else "single_label"
    return student, _task(source, run, found), images


def synthesizer(paths):
    """Returns the function that draws images of the generator of a run.

    Args:
        paths: `RunPaths` of the run.

    Returns:
        A function of a count, and of two integers as seed, that returns as many uint8 images;
        None for a run that kept no generator.

    Raises:
        RequestError: for a file that is no generator.
    """
    if not paths.generator_path.is_file():
        return None
    generator = models.load_generator(paths.generator_path)
    return lambda count, seed=_SEED: to_uint8(models.synthetic_images(generator, count, seed=seed))


def _check_inputs(run, source, data):
    """Checks that what a run started from is the same, but for what the export has others of."""
    without = ["labels"] if source.labels else []
    without += ["ood_dataset", "target_dataset"] if source.images else []
    config = with_options(run.config, data={"data_dir": data.data_dir})
    remedy = "Put back what it was, or name other `images` or `labels` for this export"
    inputs.check_unchanged(run, remedy, without, config)


def _task(source, run, found):
    """Returns the task of the run, or without a run the requested one, or that of the file."""
    if run and source.task not in ("auto", run.task.name):
        raise RequestError(
            f"`task` is not the task of this run. Expected {run.task.name}. Received: "
            f"task={source.task}. Leave it out"
        )
    return run.task if run else get_task(found if source.task == "auto" else source.task)


def _data(source, run, image_size, channels, has_generator):
    """Returns the data of the run, or of other images that are requested."""
    if run and not source.images:
        moved = {"data_dir": source.data_dir} if source.data_dir else {}
        data = dataclasses.replace(run.config.data, validation_fraction=0.0, **moved)
        fits = data.image_shape == (*image_size, channels)
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
    """Returns the OOD images, of a run's own data those from which its student learned."""
    images = loading.load_ood(data)
    return (
        ood_subset.restore_subset(images, files.read_json(run.folder / ood_subset.FILE_NAME))
        if data.ood_subset
        else images
    )
