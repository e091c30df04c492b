"""Checks that the networks of a method are built and fit together."""

from mosaickd_tf.errors import RequestError


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


def known_shape(model, side):
    """Returns the shape of a model's `"input"` or `"output"` without the batch axis.

    Returns:
        A tuple, or None for a subclassed model, whose shapes Keras does not know.
    """
    try:
        return getattr(model, f"{side}_shape")[1:]
    except AttributeError:
        return None
