"""Tasks: what a classifier predicts, and how predictions are trained and compared."""

from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks.base import Task
from mosaickd_tf.tasks.multi_label import MultiLabel
from mosaickd_tf.tasks.single_label import SingleLabel

TASKS = {task.name: task for task in (SingleLabel(), MultiLabel())}


def get_task(name):
    """Returns the `Task` of a name; that of one label an image for "auto", where no model tells.

    Raises:
        RequestError: for another name.
    """
    name = "single_label" if name == "auto" else name
    if name not in TASKS:
        raise RequestError(f"Unknown task. Expected one of: {', '.join(TASKS)}. Received: {name!r}")
    return TASKS[name]


__all__ = ["TASKS", "MultiLabel", "SingleLabel", "Task", "get_task"]
