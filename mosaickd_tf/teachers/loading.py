"""Teachers from files, and the statistics that standardize the images of one without its own."""

from mosaickd_tf import models
from mosaickd_tf.config import DataConfig, TeacherConfig, with_options
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.model_file import open_model_file
from mosaickd_tf.teachers.inspection import inspect_file


def open_teacher(options):
    """Opens the file that the options of a teacher name.

    Args:
        options: a `TeacherConfig`, whose `teacher` is a file other than a .pth file.

    Returns:
        A `ModelFile`.

    Raises:
        RequestError: when the file is not what the options say.
    """
    return open_model_file(
        options.teacher,
        allow_code=options.allow_code,
        custom_objects=options.custom_objects,
        signature=options.teacher_signature,
        network=options.teacher_network,
    )


def load_teacher(config, target=None):
    """Loads the teacher that a config names: a model file of any kind.

    Args:
        config: a config with the sections `data` and `teacher`.
        target: `TargetData`, or None.

    Returns:
        A Keras model of unit images to logits.

    Raises:
        RequestError: when the file is not what the config says.
    """
    if is_torch_file(config.teacher.teacher):
        return load_torch_teacher(config, target)
    return inspect_file(open_teacher(config.teacher), config.teacher, config.data).network()


def with_own_format(config):
    """Returns a config that says what "auto" means for a network of this package.

    It takes unit images, color ones of 32 pixels unless the config says otherwise, and returns
    the logits of one label an image or, by the config, of several.

    Args:
        config: a config with the sections `data` and `teacher`, whose teacher is the name of a
            network or a .pth file.
    """
    data, teacher = config.data, config.teacher
    *size, channels = data.image_shape
    formats = {
        "teacher_input": "unit",
        "teacher_layout": "channels_last",
        "teacher_output_kind": "logits",
    }
    return with_options(
        config,
        data={
            "image_size": tuple(size),
            "channels": channels,
            "task": "single_label" if data.task == "auto" else data.task,
        },
        teacher={name: v for name, v in formats.items() if getattr(teacher, name) == "auto"},
    )


def is_torch_file(path):
    """Returns whether a path names a .pth file."""
    return path.endswith(".pth")


def load_torch_teacher(config, target):
    """Loads a teacher from a .pth file, with the statistics that standardize its images.

    Args:
        config: a config with the sections `data` and `teacher`.
        target: `TargetData`, or None.

    Returns:
        A Keras model of unit images to logits.
    """
    mean, std = statistics(config, target)
    return models.load_torch_classifier(
        config.teacher.teacher,
        config.teacher.teacher_network,
        input_shape=config.data.image_shape,
        mean=mean,
        std=std,
        allow_code=config.teacher.allow_code,
    )


def load_teacher_file(path, teacher_input="auto", allow_code=False, **options):
    """Loads a teacher from a model file of any origin; no code runs from it unless allowed.

    Args:
        path: a Keras file, or the folder of a SavedModel.
        teacher_input: the pixels that it expects: "unit", "signed", "bytes", "imagenet" and so on,
            a pair of the mean and standard deviation of each channel by which to standardize unit
            images, or "auto".
        allow_code: whether code of the file may run.
        **options: further ones of `TeacherConfig`, and of `DataConfig`, as `image_size`.

    Returns:
        A Keras model from unit images to logits.

    Raises:
        RequestError: for a file that is missing or not a classifier, for options that do not fit
            it, and where something cannot be told.
    """
    if isinstance(teacher_input, str):
        options["teacher_input"] = teacher_input
    else:
        options["teacher_mean"], options["teacher_std"] = map(tuple, teacher_input)
    teacher, data = sections_of_file(path, allow_code=allow_code, **options)
    return inspect_file(open_teacher(teacher), teacher, data).network()


def sections_of_file(path, **options):
    """Returns the `TeacherConfig` and the `DataConfig` of a teacher's file and options of both."""
    known = TeacherConfig.__dataclass_fields__
    teacher = {name: value for name, value in options.items() if name in known}
    data = {name: value for name, value in options.items() if name not in known}
    return TeacherConfig(teacher=str(path), **teacher), DataConfig(**data)


def teacher_of_run(folder, config):
    """Loads the teacher of a finished run, which the run trained or loaded from a file.

    Args:
        folder: the folder of the run, a `pathlib.Path`.
        config: its config, of which the sections `data` and `teacher` are used.

    Returns:
        A Keras model of unit images to logits.

    Raises:
        RequestError: when its file is missing or not as the config says.
    """
    trained = folder / "teacher" / "teacher.keras"
    if trained.is_file():
        return load_teacher_file(trained, "unit")
    target = loading.load_target(config.data) if needs_statistics(config) else None
    return load_teacher(config, target)


def needs_statistics(config):
    """Returns whether the teacher standardizes images by the statistics of its training split."""
    is_pth = is_torch_file(config.teacher.teacher)
    return is_pth and not (config.teacher.teacher_mean or _known_statistics(config))


def statistics(config, target):
    """Returns mean and standard deviation of each channel, for the teacher's standardization.

    Those of the config come first. Otherwise a .pth file gets those that are common for networks
    of the target data set, where `DATASETS` has them; otherwise they are the training split's.

    Args:
        config: a config with the sections `data` and `teacher`.
        target: `TargetData`, or None.

    Returns:
        Two lists, a number for each channel of unit images.

    Raises:
        RequestError: when there are none, or not one for each channel.
    """
    mean, std = config.teacher.teacher_mean, config.teacher.teacher_std
    if mean and len(mean) != config.data.image_shape[2]:
        raise RequestError(
            f"`teacher_mean` and `teacher_std` need a number for each channel. Expected "
            f"{config.data.image_shape[2]}, as `channels`. Received: {len(mean)}. Give as many"
        )
    if mean:
        return list(mean), list(std)
    if known := _known_statistics(config):
        return known
    if target is None or target.train is None:
        raise RequestError(
            "The statistics of the teacher's images are not known. Expected `teacher_mean` and "
            "`teacher_std`, or a `target_dataset` with a training split. Received: neither. Give "
            "one of them"
        )
    return target.train.statistics()


def _known_statistics(config):
    """Returns for a .pth file the statistics in `DATASETS`, else None."""
    fact = datasets.DATASETS.get(config.data.target_dataset)
    if not (fact and is_torch_file(config.teacher.teacher)):
        return None
    fits = len(fact.mean) == config.data.image_shape[2]  # none, or those of colors for gray images
    return (list(fact.mean), list(fact.std)) if fits else None
