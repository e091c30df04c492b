"""Students from files, checked against the run that is to train them."""

import logging
import pathlib

from mosaickd_tf import models, vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.walk import leaf_layers

logger = logging.getLogger(__name__)


def is_student_file(name):
    """Checks whether a student is named by a file or a folder, not by a network's name."""
    return name.endswith(".keras") or pathlib.Path(name).is_file() or vetting.is_saved_model(name)


def load_student(path, image_shape, num_outputs):
    """Loads a student from a .keras file that a run can train.

    Args:
        path: of the file.
        image_shape: `(height, width, channels)` of the run's images.
        num_outputs: number of the teacher's outputs.

    Returns:
        A Keras model from unit images to logits, without augmentation.

    Raises:
        RequestError: as `models.load_student_file`, for a file whose layers are all frozen, and
            for one of other images or outputs than the run's.
    """
    student, _ = models.load_student_file(path)
    _check_shapes(student, tuple(image_shape), num_outputs, path)
    if not student.trainable_variables:
        raise RequestError(
            "`student` cannot learn. Expected layers with trainable weights. Received: "
            f"{str(path)!r}, whose layers are all frozen. Set `trainable=True` and save it again"
        )
    frozen = [layer.name for layer in leaf_layers(student) if layer.weights and not layer.trainable]
    if frozen:
        logger.warning(
            "student: %d layers are frozen and keep their weights, the first %r",
            len(frozen),
            frozen[0],
        )
    return student


def _check_shapes(student, image_shape, num_outputs, path):
    """Checks that a student takes the run's images and has as many outputs as the teacher."""
    received, outputs = student.input_shape[1:], student.output_shape[-1]
    if outputs != num_outputs:
        raise RequestError(
            f"`student` has other outputs than its teacher. Expected {num_outputs}. Received: "
            f"{outputs} in {str(path)!r}. Save it with a last layer of {num_outputs} outputs"
        )
    if received == image_shape:
        return
    *size, channels = received
    sides = f"{size[0]}" if size[0] == size[1] else f"{size[0]}x{size[1]}"
    if received[0] in (1, 3) and channels not in (1, 3):
        way = "Save it with channels last"
    elif channels not in (1, 3):
        way = "Save it for images of 1 or 3 channels"
    else:
        flags = [f"`image_size`={sides}"] if tuple(size) != image_shape[:2] else []
        flags += [f"`channels`={channels}"] if channels != image_shape[2] else []
        way = (
            f"Set {' and '.join(flags)}, so that the teacher sees its images converted, or name "
            "another student"
        )
    raise RequestError(
        "`student` takes other images than the run has. Expected (height, width, channels) = "
        f"{image_shape}. Received: {received} in {str(path)!r}. {way}"
    )


def warn_of_size(student, teacher):
    """Logs a warning where a student is no smaller than its teacher."""
    if _same_network(student, teacher):
        logger.warning("the student is the same network as the teacher, with the same weights")
        return
    costs = [models.macs(network) for network in (student, teacher)]
    if None not in costs and costs[0] > costs[1]:
        logger.warning(
            "the student is larger than its teacher: %s against %s multiply-accumulates an image; "
            "are they swapped?",
            *(f"{cost:,}" for cost in costs),
        )


def _same_network(student, teacher):
    ours, theirs = student.get_weights(), teacher.get_weights()
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and (a == b).all() for a, b in zip(ours, theirs, strict=True)
    )
