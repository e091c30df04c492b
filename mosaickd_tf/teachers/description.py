"""Description of a teacher's file for users, with the command that distills it."""

import dataclasses
import shlex

import keras

from mosaickd_tf import models
from mosaickd_tf.config import assignment
from mosaickd_tf.data.label_names import find_labels
from mosaickd_tf.models.graph.walk import leaf_layers
from mosaickd_tf.teachers.inspection import inspect_file
from mosaickd_tf.teachers.loading import open_teacher, sections_of_file
from mosaickd_tf.utils.text import by_sides

_RESCALING = ("Rescaling", "Normalization")
_SHOWN = 8  # label names in a line of text
_LARGE = 128  # pixels a side from which a smaller student is proposed
_STUDENTS = ("mobilenet_v3_small", "wrn16_1", "wrn10_1")  # proposed where cheaper than the teacher
_SMALL_IMAGES = 64  # pixels a side up to which wide ResNets are proposed first


def inspect_teacher(path, **options):
    """Inspects a teacher's file: what it takes, what it returns, and how to distill it.

    Nothing is trained. No code of the file runs unless `allow_code` is set.

    Args:
        path: a model file of any kind but a .pth file, which holds no network.
        **options: of `TeacherConfig`, as `allow_code`, and of `DataConfig`, as `image_size`; they
            come before what the file shows.

    Returns:
        A dict: `file`, `kind`, `written_by`, `inputs`, `outputs`, `pixels`, `pixel_scores`,
        `head`, `task`, `labels`, `rescaling`, `augmentation`, `batch_normalizations`,
        `parameters`, `macs`, `remarks`, `doubts` (what could not be told) and `command`.

    Raises:
        RequestError: for a file that cannot be used, with what it is and what to do.
    """
    teacher, data = sections_of_file(path, **options)
    file = open_teacher(teacher)
    found = inspect_file(file, teacher, data, refuse_doubts=False)
    layers = leaf_layers(file.model)
    taken, head = found.taken, found.head
    return {
        "file": str(path),
        "kind": file.kind,
        "written_by": file.written_by,
        "inputs": [list(tensor.shape) for tensor in file.model.inputs],
        "outputs": _outputs(file),
        "layout": "channels_first" if taken.channels_first else "channels_last",
        "pixels": taken.pixels if found.pixels_are_known else None,
        "pixels_by": taken.evidence,
        "pixel_scores": taken.scores,
        "head": head and head.kind,
        "head_by": head and head.evidence,
        "output": head and head.name,
        "task": head and head.task,
        "num_labels": head and head.num_labels,
        "labels": _label_names(path, head),
        "rescaling": [layer.name for layer in layers if type(layer).__name__ in _RESCALING],
        "augmentation": [layer.name for layer in layers if _augments(layer)],
        "batch_normalizations": sum(_normalizes(layer) for layer in layers),
        "parameters": models.parameters(file.model),
        "macs": _macs(file.model),
        "remarks": list(file.remarks),
        "doubts": list(found.doubts),
        "command": _command(found, {**_given(teacher), **_given(data)}),
    }


def as_text(facts):
    """Returns the facts of `inspect_teacher` as a few lines."""
    lines = [
        f"file        {facts['file']}: {facts['kind']}{_prefixed(' of ', facts['written_by'])}",
        f"images      {_shapes(facts['inputs'])}, {facts['layout']}, pixels "
        f"{facts['pixels'] or 'unsure'} ({facts['pixels_by']})",
    ]
    if facts["pixel_scores"]:
        scores = ", ".join(f"{name} {score:.3g}" for name, score in facts["pixel_scores"].items())
        lines.append(f"            fit of each range: {scores}")
    lines.append(f"outputs     {'; '.join(f'{n} {s}' for n, s in facts['outputs'].items())}")
    if facts["head"]:
        lines.append(
            f"labels      {facts['num_labels']}, {facts['head']} ({facts['head_by']}), "
            f"{facts['task']}{_prefixed(': ', _listed(facts['labels']))}"
        )
    macs = f", {facts['macs']:,} multiply-accumulates" if facts["macs"] else ""
    lines += [
        f"network     {facts['parameters']:,} parameters{macs}, "
        f"{facts['batch_normalizations']} BatchNormalization layers",
        f"inside      rescaling: {_listed(facts['rescaling']) or 'none'}; "
        f"augmentation: {_listed(facts['augmentation']) or 'none'}",
    ]
    lines += [f"note        {remark}" for remark in facts["remarks"]]
    lines += [f"unsure      {doubt}" for doubt in facts["doubts"]]
    return "\n".join([*lines, "", *facts["command"]])


def _outputs(file):
    shapes = [list(tensor.shape) for tensor in file.model.outputs]
    return dict(zip(file.output_names, shapes, strict=True))


def _macs(model):
    """Returns the multiply-accumulates of an image; None where the network hides or leaves them."""
    try:
        return models.macs(model)
    except (AttributeError, TypeError):
        return None


def _label_names(path, head):
    found = find_labels(path, head.num_labels) if head else None
    return list(found[1]) if found else []


def _augments(layer):
    random = type(layer).__name__.startswith(("Random", "Gaussian", "AutoContrast", "AugMix"))
    return random or type(layer).__name__ in ("CutMix", "MixUp", "RandAugment", "Solarization")


def _normalizes(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _given(section):
    """Returns the options of a section that are not at their defaults."""
    options = {field: getattr(section, field.name) for field in dataclasses.fields(section)}
    return {field.name: value for field, value in options.items() if value != field.default}


def _command(found, given):
    """Returns the lines of the `bin/distill` command that uses the teacher as it was found.

    What was concluded is said in it, so that `bin/distill` concludes nothing else; what could not
    be told is left to the reader.
    """
    height, width, _ = found.image_shape
    options = {**given, **found.conclusions()}
    options["student"] = _student(found, min(height, width))
    options |= {"ood_dataset": "folder:IMAGES", "workdir": "runs/mine"}
    words = [f"--{assignment(name, value)}" for name, value in options.items()]
    lines = [shlex.join(["bin/distill", *words])]
    if found.doubts:
        lines.append("# Add the option that settles what is unsure: it is needed")
    if min(height, width) >= _LARGE:
        lines.append("# For a smaller and faster student of smaller images add --image_size=96")
    return lines


def _student(found, side):
    """Returns the first of the proposed students that is cheaper than the teacher."""
    teacher = _macs(found.file.model)
    names = _STUDENTS[1:] if side <= _SMALL_IMAGES else _STUDENTS
    for name in names:
        student = models.build_classifier(name, num_classes=2, input_shape=found.image_shape)
        if not teacher or models.macs(student) < teacher:
            return name
    return names[-1]


def _shapes(shapes):
    return "; ".join(map(by_sides, shapes))


def _listed(names):
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _prefixed(prefix, text):
    return prefix + text if text else ""
