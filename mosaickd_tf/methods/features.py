"""Features of teacher and student: which layers are compared, and their shapes."""

import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name
from mosaickd_tf.models.graph.stages import stage_outputs
from mosaickd_tf.models.graph.walk import leaf_layers

POOLED = "features"  # name of the layer before the logits in the networks of this package


def feature_captures(teacher, student, teacher_layers, student_layers, *, pair=None, single):
    """Returns an `ActivationCapture` of the teacher and one of the student.

    Args:
        teacher: Keras model.
        student: Keras model.
        teacher_layers: names of layers that the user chose; may be empty.
        student_layers: the same of the student.
        pair: function of both networks that returns the names of the teacher's layers and of the
            student's, where the user chose none; None for `single` of each.
        single: function of a network that returns the names of its layers, where the user chose
            those of the other alone.

    Raises:
        RequestError: for layers that are not found, or not as many of each side.
    """
    if pair and not teacher_layers and not student_layers:
        teacher_layers, student_layers = pair(teacher, student)
    captures = [
        ActivationCapture(model, layers_by_name(model, names or single(model)))
        for model, names in ((teacher, teacher_layers), (student, student_layers))
    ]
    sides = [len(capture.layers) for capture in captures]
    if sides[0] != sides[1]:
        raise RequestError(
            "Features are compared layer by layer. Expected as many `teacher_layers` as "
            f"`student_layers`. Received: {sides[0]} and {sides[1]}. Name them in pairs"
        )
    return captures


def penultimate_layer(model):
    """Returns the name of the pooled layer before the logits, in a list.

    Raises:
        RequestError: for a model without a layer called `features`.
    """
    if POOLED not in {layer.name for layer in leaf_layers(model)}:
        raise RequestError(
            f"The layer before the logits of {model.name!r} is not known. Expected one called "
            f"{POOLED}, as in the networks of this package. Received: none. Name it by "
            "`teacher_layers` or `student_layers`"
        )
    return [POOLED]


def middle_layer(stages):
    """Returns the middle one of the names, in a list; of two, the earlier."""
    return [stages[(len(stages) - 1) // 2]]


def paired_stages(teacher, student):
    """Returns names of the layers at which two networks can be compared, stage by stage.

    Networks of one family have as many stages and of the same sizes: all are taken. Of others,
    the last stage of each size that both have; where they share none, all of each.

    Args:
        teacher: Keras model with stages, of images of a known shape.
        student: the same.

    Returns:
        A list of the teacher's layers and one of the student's; as many, of the same heights
        and widths one by one, unless the networks share no size.

    Raises:
        RequestError: for a model without stages, or whose input shape is unknown.
    """
    names = [stage_outputs(model) for model in (teacher, student)]
    sizes = [_sizes(*side) for side in zip((teacher, student), names, strict=True)]
    if sizes[0] == sizes[1] or not set(sizes[0]) & set(sizes[1]):
        return names
    ends = [dict(zip(*side, strict=True)) for side in zip(sizes, names, strict=True)]
    shared = [size for size in ends[0] if size in ends[1]]
    return [[side[size] for size in shared] for side in ends]


def feature_shapes(capture):
    """Returns the shapes of the captured features, without the batch axis.

    Raises:
        RequestError: for a model whose input shape is unknown.
    """
    shape = known_shape(capture.model, "input")
    if shape is None:
        raise RequestError(
            "Features are compared in models whose input shape Keras knows. Expected a functional "
            f"or sequential model. Received: {capture.model.name!r}"
        )
    _, features = capture(tf.zeros((1, *shape)))
    return [tuple(tensor.shape[1:]) for tensor in features]


def single_feature_shape(capture):
    """Returns the shape of the features of the one captured layer.

    Raises:
        RequestError: when more than one layer is captured.
    """
    if len(capture.layers) != 1:
        raise RequestError(
            "The method compares one layer of each network. Expected one name in "
            f"`teacher_layers` and one in `student_layers`. Received: {len(capture.layers)}"
        )
    return feature_shapes(capture)[0]


def dtype_policy(capture):
    """Returns the dtype policy of the captured layers, in which heads on them run too."""
    return capture.layers[0].dtype_policy


def layer_arguments(config):
    """Returns the layers that a `DistillConfig` names, as keyword arguments."""
    return {
        "teacher_layers": config.method.teacher_layers,
        "student_layers": config.method.student_layers,
    }


def _sizes(model, names):
    """Returns heights and widths of the feature maps of layers of these names."""
    capture = ActivationCapture(model, layers_by_name(model, names))
    return [shape[:-1] for shape in feature_shapes(capture)]
