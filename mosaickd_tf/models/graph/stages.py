"""Output layers of the stages of a classifier."""

import re

from mosaickd_tf.errors import RequestError

_NAME = re.compile(r"stage(\d+)_")


def stage_outputs(model):
    """Finds the last layer of each stage of a classifier by the names of its layers.

    The layers of stage k of a network of this package are called `stage{k}_...`; the last of
    them in the order of computation gives the output of the stage. Copies keep the names.

    Args:
        model: a Keras model; layers inside nested models are not considered.

    Returns:
        A list of layer names, one per stage, in the order of the stages.

    Raises:
        RequestError: for a model without such layer names.
    """
    last = {}
    for layer in model.layers:
        match = _NAME.match(layer.name)
        if match:
            last[int(match[1])] = layer.name
    if not last:
        raise RequestError(
            f"The stages of the model {model.name!r} are unknown. Expected layers called "
            "stage1_..., stage2_..., as in the networks of this package. Received: none. Name "
            "layers by `teacher_layers` and `student_layers`"
        )
    return [last[stage] for stage in sorted(last)]
