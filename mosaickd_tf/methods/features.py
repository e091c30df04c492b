"""What methods share that compare features of teacher and student."""

import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import FEATURES, OOD_IMAGES
from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name, leaves
from mosaickd_tf.models.graph.stages import stage_outputs

POOLED = "features"  # what networks of ours call the layer before the logits


class FeatureDistiller(KnowledgeDistiller):
    """Plain distillation on OOD images that also compares features, layer by layer.

    Raises:
        RequestError: without layers to compare, or not as many of each side.
    """

    needs = (OOD_IMAGES, FEATURES)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        sides = len(self.teacher_capture.layers), len(self.student_capture.layers)
        if sides[0] != sides[1]:
            raise RequestError(
                "Features are compared layer by layer. Expected as many --teacher_layers as "
                f"--student_layers. Received: {sides[0]} and {sides[1]}. Name them in pairs"
            )

    @staticmethod
    def watched_layers(model):
        """The layer before the logits."""
        return penultimate_layer(model)


def penultimate_layer(model):
    """The name of the pooled layer before the logits, in a list.

    Raises:
        RequestError: for a model without a layer called `features`.
    """
    if POOLED not in {layer.name for layer in leaves(model)}:
        raise RequestError(
            f"The layer before the logits of {model.name!r} is not known. Expected one called "
            f"{POOLED}, as in the networks of this package. Received: none; name it with "
            "--teacher_layers/--student_layers"
        )
    return [POOLED]


def middle_layer(stages):
    """The middle one of the names, in a list; of two, the earlier."""
    return [stages[(len(stages) - 1) // 2]]


def paired_stages(teacher, student):
    """Names of the layers at which two networks can be compared, stage by stage.

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


def with_layers(choose, arguments):
    """The keyword arguments of a distiller, with layers where a person has named none.

    Args:
        choose: function of teacher and student that gives the names of the teacher's layers
            and of the student's.
        arguments: with `teacher` and `student`.
    """
    sides = ("teacher_layers", "student_layers")
    if any(arguments.get(side) for side in sides):
        return arguments
    names = choose(arguments["teacher"], arguments["student"])
    return arguments | dict(zip(sides, names, strict=True))


def watched_shapes(taps):
    """Shapes of what passes the watched layers, without the batch axis.

    Raises:
        RequestError: for a model whose input shape is unknown.
    """
    shape = known_shape(taps.model, "input")
    if shape is None:
        raise RequestError(
            "Features are compared in models whose input shape Keras knows. Expected a functional "
            f"or sequential model. Received: {taps.model.name!r}"
        )
    _, noted = taps(tf.zeros((1, *shape)))
    return [tuple(tensor.shape[1:]) for tensor in noted]


def policy(taps):
    """The dtype policy of the watched layers, in which heads on them run too."""
    return taps.layers[0].dtype_policy


def _sizes(model, names):
    """Heights and widths of the maps that layers of these names give."""
    return [
        shape[:-1]
        for shape in watched_shapes(ActivationCapture(model, layers_by_name(model, names)))
    ]
