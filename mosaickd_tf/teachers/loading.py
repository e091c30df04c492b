"""Teachers from files, and the statistics that standardize the images of one without its own."""

import keras
import numpy as np

from mosaickd_tf import models, vetting
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.errors import RequestError

# Mean and standard deviation of unit images by which a teacher's input is standardized.
_INPUTS = {
    "signed": (0.5, 0.5),
    "bytes": (0.0, 1 / 255),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


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
        return load_teacher_file(
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


def load_teacher_file(path, teacher_input="unit", allow_code=False):
    """Loads a teacher from a Keras file of any origin; no code runs from it unless allowed.

    Args:
        path: a .keras file of a classifier that returns logits, or the folder of a SavedModel.
        teacher_input: the images that it expects: "unit", "signed", "bytes", "imagenet", or a
            pair of the mean and standard deviation of each channel by which to standardize them.
        allow_code: whether a SavedModel may run.

    Returns:
        A Keras model from unit images to logits.

    Raises:
        RequestError: for a file that is missing or not a classifier, and for statistics of
            another number of channels.
    """
    if vetting.is_saved_model(path):
        teacher = models.load_saved_model(path, allow_code)
    else:
        teacher = models.load_classifier(path)
    if teacher_input == "unit":
        return teacher
    rescaling = _rescaling(teacher_input)
    channels = teacher.input_shape[-1]
    if np.size(rescaling["scale"]) not in (1, channels):
        raise RequestError(
            "`teacher_input` has statistics of 3 channels. Expected unit, signed or bytes. "
            f"Received: teacher_input={teacher_input} for a teacher of {channels} in "
            f"{str(path)!r}. Choose another one"
        )
    images = keras.Input(teacher.input_shape[1:], name="unit_images")
    scaled = keras.layers.Rescaling(**rescaling, name="teacher_input")(images)
    return keras.Model(images, teacher(scaled), name=teacher.name)


def _rescaling(teacher_input):
    """Returns the scale and offset that standardize unit images."""
    mean, std = map(np.asarray, _INPUTS.get(teacher_input, teacher_input))
    return {"scale": (1 / std).tolist(), "offset": (-mean / std).tolist()}


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
        return load_teacher_file(trained)
    target = loading.load_target(config.data) if needs_statistics(config) else None
    return load_teacher(config, target)


def needs_statistics(config):
    """Returns whether the teacher standardizes images by the statistics of its training split."""
    is_pth = config.teacher.teacher.endswith(".pth")
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
    if mean and len(mean) != config.data.channels:
        raise RequestError(
            f"`teacher_mean` and `teacher_std` need a number for each channel. Expected "
            f"{config.data.channels}, as `channels`. Received: {len(mean)}. Give as many"
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
    if not (fact and config.teacher.teacher.endswith(".pth")):
        return None
    fits = len(fact.mean) == config.data.channels  # none, or those of colors for gray images
    return (list(fact.mean), list(fact.std)) if fits else None
