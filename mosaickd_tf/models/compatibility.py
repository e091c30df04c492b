"""Checks that the networks of a method are built and fit together."""

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.walk import producer

_PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")


def check_built(**networks):
    """Checks that every network, given by name, has its variables.

    Raises:
        RequestError: for a network that is not built.
    """
    for name, network in networks.items():
        if not network.built:
            raise RequestError(
                f"Every network must be built: call it once on a batch. Received: a {name} that "
                "is not"
            )


def check_same_task(teacher, student):
    """Checks that both models map images of the same shape to the same number of logits.

    Raises:
        RequestError: for two known shapes that differ.
    """
    for side in ("input", "output"):
        expected, received = known_shape(teacher, side), known_shape(student, side)
        if expected and received and expected != received:
            raise RequestError(
                f"Teacher and student must have the same {side} shape. Expected the teacher's "
                f"{expected}. Received: {received} of the student. Choose another `student`"
            )


def check_logits(**networks):
    """Checks that no network, given by name, ends in an activation that makes probabilities.

    Raises:
        RequestError: for one that does.
    """
    for name, network in networks.items():
        activation = _last_activation(network)
        if activation in _PROBABILITIES:
            raise RequestError(
                f"`{name}` must return logits. Expected a last layer without activation. "
                f"Received: one of {activation}. Leave the activation out, or load a teacher's "
                "file by `mosaickd_tf.teachers.load_teacher_file`"
            )


def _last_activation(network):
    """Returns the name of the activation of a functional model's output, or None."""
    for tensor in getattr(network, "outputs", None) or []:
        layer = producer(tensor).operation
        if getattr(layer, "outputs", None):
            return _last_activation(layer)
        if isinstance(layer, keras.layers.Softmax):
            return "softmax"
        return getattr(getattr(layer, "activation", None), "__name__", None)
    return None


def known_shape(model, side):
    """Returns the shape of a model's `"input"` or `"output"` without the batch axis.

    Returns:
        A tuple, or None for a subclassed model, whose shapes Keras does not know.
    """
    try:
        return getattr(model, f"{side}_shape")[1:]
    except AttributeError:
        return None
