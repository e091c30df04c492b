"""Outputs of a teacher: which one classifies, what its values are, and how they become logits."""

import dataclasses

import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.logits import SMALLEST, logits_of
from mosaickd_tf.models.graph.output_activation import output_activation
from mosaickd_tf.tasks.output_kind import kind_of_values

_KINDS = {"softmax": "softmax", "sigmoid": "sigmoid", "linear": "logits", "log_softmax": "logits"}


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
        smallest: smallest probability that the output resolves.
    """

    index: int
    name: str
    kind: str
    evidence: str
    num_labels: int
    task: str
    smallest: float = SMALLEST


def find_head(file, options, predict, task="auto"):
    """Finds the output of a model that classifies, and what its values are.

    Args:
        file: a `ModelFile`.
        options: a `TeacherConfig`.
        predict: function without arguments that returns all outputs of the model for real images,
            a list of arrays `(n, ...)`.
        task: "single_label", "multi_label" or "auto".

    Returns:
        A `Head`.

    Raises:
        RequestError: where the output or its kind cannot be told, with the flag that settles it.
    """
    outputs = [np.asarray(output) for output in predict()]
    names = file.output_names
    if len(names) != len(outputs):
        names = tuple(f"output_{index}" for index in range(len(outputs)))
    activations = [output_activation(file.model, index) for index in range(len(outputs))]
    index = _index(options.teacher_output, names, outputs, activations, file.path)
    _check_rows(outputs[index], names[index], file.path)
    rows = outputs[index].reshape(len(outputs[index]), -1)
    if not np.isfinite(np.asarray(rows, "float64")).all():
        raise RequestError(
            "The `teacher` returns numbers that are not finite. Expected finite outputs for real "
            f"images. Received: NaN or infinity in {file.path!r}. Its weights are broken; use "
            "another file"
        )
    kind, evidence = _kind(options.teacher_output_kind, activations[index], rows, file.path)
    positive = np.asarray(rows[rows > 0], "float64")
    resolves = kind == "logits" or rows.min() > 0 or not positive.size
    return Head(
        index=index,
        name=names[index],
        kind=kind,
        evidence=evidence,
        num_labels=rows.shape[-1],
        task=task_of(kind, rows.shape[-1], task),
        smallest=SMALLEST if resolves else max(SMALLEST, float(positive.min()) / 2),
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
    return logits_of(
        model,
        index=head.index,
        kind=head.kind,
        num_labels=head.num_labels,
        smallest=head.smallest,
    )


def task_of(kind, num_labels, task="auto"):
    """Returns the name of the task of an output.

    Args:
        kind: "logits", "softmax" or "sigmoid".
        num_labels: number of its values.
        task: the requested one; "auto" is multi_label for a sigmoid or a single value, else
            single_label.

    Raises:
        RequestError: for a task that the output cannot have.
    """
    if kind == "softmax" and (num_labels == 1 or task == "multi_label"):
        raise RequestError(
            "A softmax is for one label of several an image. Expected at least 2 values and `task` "
            f"single_label. Received: {num_labels} and task={task}. Choose another `task` or output"
        )
    if num_labels == 1 and task == "single_label":
        raise RequestError(
            "One output value is one label that an image has or not. Expected `task` multi_label "
            "or auto. Received: task=single_label. Leave `task` out"
        )
    if task != "auto":
        return task
    return "multi_label" if kind == "sigmoid" or num_labels == 1 else "single_label"


def _index(wanted, names, outputs, activations, path):
    """Returns the number of the output that classifies."""
    shapes = [tuple(output.shape[1:]) for output in outputs]
    listed = ", ".join(f"{i} {n!r} {s}" for i, (n, s) in enumerate(zip(names, shapes, strict=True)))
    if wanted:
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and int(wanted) < len(names):
            return int(wanted)
        raise RequestError(
            "The model has no such output. Expected `teacher_output` as one of: "
            f"{listed}. Received: {wanted!r} for {path!r}. Name one"
        )
    vectors = [i for i, shape in enumerate(shapes) if np.prod(shape) == max(shape, default=0)]
    if len(outputs) == 1 or len(vectors) == 1:
        return vectors[0] if vectors else 0
    for kinds in (("softmax",), ("softmax", "sigmoid", "linear", "log_softmax")):
        found = [i for i in vectors if activations[i] in kinds]
        open_ones = [i for i in vectors if not activations[i]]
        if len(found) == 1 and not open_ones:
            return found[0]
    raise RequestError(
        f"The model has several outputs. Expected `teacher_output`, the one that classifies, of: "
        f"{listed}. Received: none for {path!r}. Name one"
    )


def _check_rows(output, name, path):
    shape = output.shape[1:]
    if not shape or np.prod(shape) != max(shape):
        raise RequestError(
            "The output is no vector of labels. Expected (labels) or (1, 1, labels) an image. "
            f"Received: {tuple(shape)} of {name!r} in {path!r}. Choose another `teacher_output`, or "
            "the `image_size` that the model was trained on"
        )


def _kind(wanted, activation, rows, path):
    """Returns the kind of an output and by what it is known."""
    values = kind_of_values(rows)
    shown = _KINDS.get(activation)
    if wanted == "auto":
        if shown:
            return shown, f"ends in {activation}" if activation != "linear" else "no activation"
        if activation or not values:
            raise RequestError(
                "The kind of the teacher's output cannot be told. Expected `teacher_output_kind` "
                f"as logits, softmax or sigmoid. Received: values from {float(rows.min()):.3g} to "
                f"{float(rows.max()):.3g} of {path!r}, last activation {activation or 'unknown'}. Say "
                "which"
            )
        return values, "by values"
    is_softmax = values == "softmax"
    in_unit = rows.min() >= 0 and rows.max() <= 1
    fits = {
        "logits": not is_softmax or shown == "logits",
        "softmax": is_softmax,
        "sigmoid": in_unit,
    }
    if (shown and shown != wanted) or not fits[wanted]:
        raise RequestError(
            "`teacher_output_kind` is not the kind of the teacher's output. Expected "
            f"{shown or values or 'another'}. Received: teacher_output_kind={wanted} for {path!r}. "
            "Leave it out"
        )
    return wanted, "teacher_output_kind"
