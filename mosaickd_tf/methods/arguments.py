"""Checks of the arguments of a distiller: networks, numbers, task, options and optimizers."""

import math
import numbers

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import compatibility
from mosaickd_tf.models.graph.output_activation import check_returns_logits
from mosaickd_tf.tasks import Task

_OF_COMPILE = ("auto_scale_loss", "run_eagerly", "steps_per_execution")


def check_pair(teacher, student):
    """Checks that a teacher and a student fit together, and that the student can learn.

    Raises:
        RequestError: for networks that are not built, do not return logits of unit images, are of
            other shapes or share weights; and a student that is frozen or augments images.
    """
    pair = {"teacher": teacher, "student": student}
    compatibility.check_built(**pair)
    compatibility.check_one_output(**pair)
    check_returns_logits(**pair)
    compatibility.check_same_task(teacher, student)
    compatibility.check_takes_unit_images(**pair)
    compatibility.check_own_weights(teacher, student)
    compatibility.check_sees_the_teacher_s_view(student)


def check_options(method, *, config, task, temperature, seed):
    """Checks the options of a distiller.

    Args:
        method: the `Method`.
        config: its options, or None.
        task: a `Task`, or None.
        temperature: positive.
        seed: an integer, at least 0.

    Raises:
        RequestError: for a value of another type or outside its range.
    """
    is_number = isinstance(temperature, numbers.Real) and not isinstance(temperature, bool)
    if not (is_number and 0 < temperature < math.inf):
        raise RequestError(
            "`temperature` must be positive. Expected a finite number. "
            f"Received: {temperature!r}. Leave it out for 1"
        )
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool) or seed < 0:
        raise RequestError(
            f"`seed` must be an integer. Expected at least 0. Received: {seed!r}. Leave it out for "
            "0"
        )
    if task is not None and not isinstance(task, Task):
        raise RequestError(
            f"`task` must be a Task. Expected an object of mosaickd_tf.tasks. Received: {task!r}. "
            "Use mosaickd_tf.tasks.get_task(name)"
        )
    if config is not None and method.config and not isinstance(config, method.config):
        raise RequestError(
            f"`config` must hold the options of {method.name}. Expected a {method.config.__name__}."
            f" Received: {type(config).__name__}. Leave it out for the defaults"
        )


def check_compile(given, others):
    """Checks the arguments of `compile`.

    Args:
        given: dict from networks to their optimizers, None for the default.
        others: the other keyword arguments.

    Raises:
        RequestError: for an argument that a distiller does not have, something else than an
            optimizer, or one optimizer of two networks.
    """
    known = [f"{network}_optimizer" for network in given]
    for name in others:
        if name not in _OF_COMPILE:
            raise RequestError(
                f"`{name}` is no argument of a distiller's `compile`. Expected some of: "
                f"{', '.join(('jit_compile', *known, *_OF_COMPILE))}; the method has its own "
                f"losses and metrics. Received: {name}={others[name]!r}. Leave it out"
            )
    seen = {}
    for network, optimizer in given.items():
        if optimizer is None:
            continue
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise RequestError(
                f"`{network}_optimizer` must be an optimizer. Expected one of keras.optimizers. "
                f"Received: {optimizer!r}. Leave it out for the published one"
            )
        if id(optimizer) in seen:
            raise RequestError(
                "Each network needs an optimizer of its own. Expected two objects. Received: the "
                f"same `{seen[id(optimizer)]}_optimizer` and `{network}_optimizer`. Build another"
            )
        seen[id(optimizer)] = network
