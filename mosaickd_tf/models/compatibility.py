"""Whether the networks of a game are built and fit together."""

from mosaickd_tf.errors import RequestError


def check_built(**players):
    """Raises `RequestError` unless every player, given by name, has its variables."""
    for name, player in players.items():
        if not player.built:
            raise RequestError(
                f"Every player must be built: call it once on a batch. Received: a {name} that "
                "is not"
            )


def check_same_task(teacher, student):
    """Raises `RequestError` unless both models map the same images to as many logits."""
    for what in ("input", "output"):
        expected, received = known_shape(teacher, what), known_shape(student, what)
        if expected and received and expected != received:
            raise RequestError(
                f"Teacher and student must have the same {what} shape. Expected the teacher's "
                f"{expected}. Received: {received} of the student. Choose another --student"
            )


def known_shape(model, what):
    """The shape of a model's `"input"` or `"output"` without the batch axis.

    Returns:
        A tuple, or None for a subclassed model, whose shapes Keras does not know.
    """
    try:
        return getattr(model, f"{what}_shape")[1:]
    except AttributeError:
        return None
