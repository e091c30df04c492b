"""A teacher from a file, and the statistics by which a teacher without its own standardises."""

from mosaickd_tf import models
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.errors import RequestError


def load_teacher(config, target):
    """Loads the teacher that a config names: a .keras or .pth file, or a SavedModel.

    Args:
        config: a `DistillConfig`.
        target: `TargetData`, or None.

    Returns:
        A Keras model of unit images to logits.

    Raises:
        RequestError: when the file is not what the config says.
    """
    options, data = config.teacher, config.data
    if not options.teacher.endswith(".pth"):
        return models.load_teacher(
            options.teacher,
            datasets.teacher_input(options.teacher_input),
            allow_code=options.allow_code,
        )
    mean, std = statistics(config, target)
    return models.load_torch_classifier(
        options.teacher,
        options.teacher_network,
        input_shape=(data.image_size, data.image_size, data.channels),
        mean=mean,
        std=std,
        allow_code=options.allow_code,
    )


def teacher_of_run(folder, config):
    """The teacher of a finished run: as the run trained it, or from the file that it was given.

    Args:
        folder: the folder of the run, a `pathlib.Path`.
        config: its config, of which the topics `data` and `teacher` matter.

    Returns:
        A Keras model of unit images to logits.

    Raises:
        RequestError: when its file is gone or not what the config says.
    """
    trained = folder / "teacher" / "teacher.keras"
    if trained.is_file():
        return models.load_teacher(trained)
    target = loading.load_target(config.data) if needs_statistics(config) else None
    return load_teacher(config, target)


def needs_statistics(config):
    """Whether the teacher of a config standardises by its training part's statistics."""
    is_pth = config.teacher.teacher.endswith(".pth")
    return is_pth and not (config.teacher.teacher_mean or _known_statistics(config))


def statistics(config, target):
    """Mean and standard deviation of each channel, by which the teacher standardises.

    Those asked for go first. Else a .pth file gets those with which networks for the target
    data set are commonly fed, where `DATASETS` has them. Else they are the training part's.

    Args:
        config: a config with the topics `data` and `teacher`.
        target: `TargetData`, or None.

    Returns:
        Two lists, a number a channel of unit images.

    Raises:
        RequestError: when there are none, or not one a channel.
    """
    mean, std = config.teacher.teacher_mean, config.teacher.teacher_std
    if mean and len(mean) != config.data.channels:
        raise RequestError(
            f"`teacher_mean` and `teacher_std` need a number a channel. Expected "
            f"{config.data.channels}, as --channels says. Received: {len(mean)}. Give as many"
        )
    if mean:
        return list(mean), list(std)
    if known := _known_statistics(config):
        return known
    if target is None or target.train is None:
        raise RequestError(
            "The statistics of the teacher's images are not known. Expected --teacher_mean and "
            "--teacher_std, or a --target_dataset with a training part. Received: neither. Give "
            "one of them"
        )
    return target.train.statistics()


def _known_statistics(config):
    """For a .pth file those of the target data set's facts, else None."""
    fact = datasets.DATASETS.get(config.data.target_dataset)
    if not (fact and config.teacher.teacher.endswith(".pth")):
        return None
    fits = len(fact.mean) == config.data.channels  # none, or those of colors for gray images
    return (list(fact.mean), list(fact.std)) if fits else None
