"""Classifiers of any origin that are to be evaluated, as models of unit images."""

import logging

from mosaickd_tf.config import TeacherConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.evaluation import KerasModel, TfliteModel
from mosaickd_tf.models.io.model_file import open_model_file
from mosaickd_tf.models.io.tflite import takes_bytes
from mosaickd_tf.teachers import inputs
from mosaickd_tf.teachers.inspection import DEFAULT_SIDE, inspect_file, photographs
from mosaickd_tf.teachers.loading import open_teacher, sections_of_file
from mosaickd_tf.utils.text import by_sides

logger = logging.getLogger(__name__)


def open_evaluated(path, model_input="auto"):
    """Opens a classifier of any origin, to be run on uint8 images.

    Args:
        path: a model file.
        model_input: as of `load_evaluated`; not for a .tflite file of uint8 images.

    Returns:
        A `TfliteModel` for a .tflite file of uint8 images, else a `KerasModel`.

    Raises:
        RequestError: as `load_evaluated`.
    """
    file = open_model_file(path)
    if not takes_bytes(file.model):
        return KerasModel(_of_unit_images(file, model_input))
    if model_input != "auto":
        raise RequestError(
            "`model_input` goes with models of float images. Expected a .tflite file of uint8 "
            f"images without it. Received: model_input={model_input}. Leave it out"
        )
    return TfliteModel(path)


def load_evaluated(path, model_input="auto"):
    """Loads a classifier that takes images of any range as one of unit images.

    Args:
        path: a model file.
        model_input: the pixels that it expects, a value of `teacher_input`. With "auto" they are
            found as those of a teacher; where they cannot be told, unit images are assumed and a
            warning is logged.

    Returns:
        A Keras model from unit images to the outputs of the file; or the file's own of uint8
        images, as serving models are.

    Raises:
        RequestError: for a file that is no classifier of images, and a `model_input` that does
            not fit its channels.
    """
    return _of_unit_images(open_model_file(path), model_input)


def load_compared_teacher(path, teacher_input, image_shape):
    """Loads a teacher that is run on the images of a student, which may be of another size.

    Args:
        path: a model file.
        teacher_input: the pixels that the teacher expects, as of `load_teacher_file`.
        image_shape: `(height, width, channels)` of the student's images; with None in it the
            teacher's own is taken.

    Returns:
        A Keras model from unit images of that shape to logits, which resizes them as that of the
        student's run did.

    Raises:
        RequestError: as `load_teacher_file`.
    """
    options = {"teacher_input": teacher_input}
    if None not in image_shape:
        options |= {"image_size": tuple(image_shape[:2]), "channels": image_shape[2]}
    teacher, data = sections_of_file(path, **options)
    found = inspect_file(open_teacher(teacher), teacher, data)
    own = found.taken.image_shape
    if any(b not in (None, a) for a, b in zip(found.image_shape, own, strict=True)):
        logger.info(
            "images of %s are given to a teacher of %s", by_sides(found.image_shape), by_sides(own)
        )
    return found.network()


def _of_unit_images(file, model_input):
    if model_input == "auto" and "float" not in file.model.inputs[0].dtype:
        return file.model
    taken = inputs.read_input(file, TeacherConfig(teacher=file.path, teacher_input=model_input))
    height, width, channels = taken.image_shape
    image_shape = (height or DEFAULT_SIDE, width or DEFAULT_SIDE, channels)
    try:
        taken = inputs.decide_pixels(taken, file.model, photographs(image_shape))
    except RequestError as error:
        logger.warning(
            "Images in [0, 1] are assumed for %r; `model_input` says another range. %s",
            file.path,
            error,
        )
        taken = inputs.assume_unit(taken)
    if taken.pixels != "unit":
        logger.info("%r takes pixels %s (%s)", file.path, taken.pixels, taken.evidence)
    return inputs.of_unit_images(file.model, taken, image_shape)
