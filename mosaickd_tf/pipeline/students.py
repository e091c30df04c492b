"""Students from files: what in them would train the wrong thing is taken out or refused."""

import logging

from mosaickd_tf import models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import check_takes_unit_images
from mosaickd_tf.models.graph.augmentation import augmentation_layers
from mosaickd_tf.models.graph.walk import leaf_layers

logger = logging.getLogger(__name__)


def load_student(path):
    """Loads a student from a .keras file.

    Layers that augment images are taken out: teacher and student have to see the same view.

    Args:
        path: of the file.

    Returns:
        A Keras model of unit images without augmentation.

    Raises:
        RequestError: for a file that is no classifier, whose first layer takes bytes, or whose
            layers are all frozen.
    """
    student = models.load_classifier(path)
    if not student.trainable_variables:
        raise RequestError(
            "`student` cannot learn. Expected layers with trainable weights. Received: "
            f"{str(path)!r}, whose layers are all frozen. Set `trainable=True` and save it again"
        )
    check_takes_unit_images(student=student)
    frozen = [layer.name for layer in leaf_layers(student) if layer.weights and not layer.trainable]
    if frozen:
        logger.warning(
            "student: %d layers are frozen and keep their weights, the first %r",
            len(frozen),
            frozen[0],
        )
    return _without_augmentation(student)


def _without_augmentation(student):
    """Returns a student without the layers that augment images, and says which they were."""
    found = augmentation_layers(student)
    if found:
        logger.warning(
            "student: augmentation layers are taken out, so that it sees the teacher's view: %s",
            ", ".join(found),
        )
    return models.without_augmentation(student)


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
