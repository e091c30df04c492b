"""Where the stages of a network end."""

import re

from mosaickd_tf.errors import RequestError

_NAME = re.compile(r"stage(\d+)_")


def stage_outputs(model):
    """Finds the last layer of each stage of a classifier by the names of its layers.

    The layers of stage k of a network of this package are called `stage{k}_...`, and the last
    of them in the order of computation gives the stage's output. Copies keep the names.

    Args:
        model: a Keras model; models inside of it are not looked into.

    Returns:
        A list of layer names, one a stage, in the order of the stages.

    Raises:
        RequestError: for a network without such names.
    """
    last = {}
    for layer in model.layers:
        match = _NAME.match(layer.name)
        if match:
            last[int(match[1])] = layer.name
    if not last:
        raise RequestError(
            f"The stages of the network {model.name!r} are not known. Expected layers called "
            "stage1_..., stage2_..., as in the networks of this package. Received: none; name "
            "them with --teacher_layers/--student_layers"
        )
    return [last[stage] for stage in sorted(last)]
