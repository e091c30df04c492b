"""What methods share that compare features of teacher and student."""

import tensorflow as tf

from mosaickd_tf.distiller import FEATURES, OOD_IMAGES
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.kd import KnowledgeDistiller
from mosaickd_tf.models.fitting import known_shape
from mosaickd_tf.models.stages import stage_outputs
from mosaickd_tf.models.taps import leaves

POOLED = "features"  # what networks of ours call the layer before the logits


class FeatureDistiller(KnowledgeDistiller):
    """Plain distillation on OOD images that also compares features, layer by layer.

    Raises:
        RequestError: without layers to compare, or not as many of each side.
    """

    needs = (OOD_IMAGES, FEATURES)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        sides = len(self.teacher_taps.layers), len(self.student_taps.layers)
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


def middle_layer(model):
    """The name of the last layer of the middle stage, in a list; of two, the earlier.

    Raises:
        RequestError: for a model without stages.
    """
    outputs = stage_outputs(model)
    return [outputs[(len(outputs) - 1) // 2]]


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
