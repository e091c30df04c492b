"""Students from .keras files of any origin, as models from unit images to logits."""

import logging

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import bytes_evidence
from mosaickd_tf.models.graph.augmentation import augmentation_layers, without_augmentation
from mosaickd_tf.models.graph.logits import as_logits
from mosaickd_tf.models.graph.output_activation import PROBABILITIES, output_activation
from mosaickd_tf.models.io.keras import load_classifier

logger = logging.getLogger(__name__)

_LOGITS = ("linear", "log_softmax")


def load_student_file(path):
    """Loads a student from a .keras file, in which what would train or serve wrong is taken out.

    Those are layers that augment images, and a softmax or sigmoid at the end.

    Args:
        path: of the file.

    Returns:
        `(student, activation)`: a Keras model from unit images to logits, and the activation in
        which the file's own ended, as of `output_activation`.

    Raises:
        RequestError: for a file that is no classifier, takes pixels in [0, 255], or whose graph
            does not show in which activation it ends.
    """
    student = load_classifier(path)
    _check_takes_unit_images(student, path)
    activation = output_activation(student)
    if activation not in (*PROBABILITIES, *_LOGITS):
        raise RequestError(
            "`student` does not show whether it returns logits. Expected a last layer without "
            f"activation, or softmax or sigmoid. Received: {activation or 'another one'} in "
            f"{str(path)!r}. Save it without that"
        )
    found = augmentation_layers(student)
    if found:
        logger.warning(
            "student: augmentation layers are taken out, so that it sees the teacher's view: %s",
            ", ".join(found),
        )
    return as_logits(without_augmentation(student)), activation


def _check_takes_unit_images(student, path):
    found = bytes_evidence(student)
    if not found:
        return
    is_serving = "float" not in student.inputs[0].dtype
    way = "Name student.keras, not serving.keras" if is_serving else "Save it without that layer"
    raise RequestError(
        "`student` takes pixels in [0, 255]. Expected a model of unit images, in [0, 1]. "
        f"Received: {found} in {str(path)!r}. {way}"
    )
