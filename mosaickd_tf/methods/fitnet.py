"""Hints: the student's middle layer imitates the teacher's through a regressor."""

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import BaselineTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.features import (
    FeatureDistiller,
    middle_layer,
    paired_stages,
    policy,
    watched_shapes,
    with_layers,
)
from mosaickd_tf.models.blocks import BATCH_NORM, torch_uniform
from mosaickd_tf.models.graph.stages import stage_outputs
from mosaickd_tf.models.normalization import FusedBatchNormalization


class HintDistiller(FeatureDistiller):
    """FitNets, in one stage: the hint is a term beside plain distillation.

    The paper trains the lower half of the student on the hint alone first. The benchmark of
    [Tian et al., 2020](https://arxiv.org/abs/1910.10699), whose settings the tables of OOD
    distillation follow, adds the hint to the loss instead, and so does this. Without labels,
    plain distillation stands where the benchmark has cross-entropy.

    Args:
        weight: of the hint, at least 0.
        **kwargs: those of `Distiller`; the layers are feature maps.

    Raises:
        RequestError: for layers that are not feature maps.

    Reference:
        - [Romero et al., 2015](https://arxiv.org/abs/1412.6550)
    """

    source = "Romero et al., FitNets: Hints for Thin Deep Nets, ICLR 2015"
    terms = ("distillation_loss", "hint_loss")
    players = ("student", "heads")
    trained_with_student = ("student", "heads")

    def __init__(self, *, weight=BaselineTerms.fitnet_hint_weight, **kwargs):
        super().__init__(**with_layers(_middle_layers, kwargs))
        self.weight = weight
        self.heads = build_regressors(
            watched_shapes(self.student_capture),
            watched_shapes(self.teacher_capture),
            policy(self.student_capture),
        )

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {"weight": config.baselines.fitnet_hint_weight}

    @staticmethod
    def watched_layers(model):
        """The end of the middle stage; taken beside named layers of the other network."""
        return middle_layer(stage_outputs(model))

    def student_loss(self, teacher, student):
        """Plain distillation and the hints."""
        distillation = super().student_loss(teacher, student)
        guided = tf.nest.flatten(self.heads(student.features, training=True))  # one is no list
        hint = sum(map(losses.hint_loss, teacher.features, guided))
        self.report(hint_loss=hint)
        return distillation + self.weight * hint


def build_regressors(student_shapes, teacher_shapes, policy=None):
    """A normalised convolution from each of the student's maps to the size of the teacher's.

    Its kernel is just large enough: `student − teacher + 1` pixels a side, as in the paper,
    so 1×1 for equal maps; a transposed one of `teacher − student + 1` where the student's map
    is smaller, which the paper does not have. The normalisation is the benchmark's, whose
    weight of 100 makes a plain convolution diverge; its rectifier behind that is left out, and
    where one map is twice as large as the other it has kernels of 3 and 4 pixels with stride 2.

    Args:
        student_shapes: a list of `(height, width, channels)`.
        teacher_shapes: as many.
        policy: dtype policy of the layers.

    Returns:
        A functional model from a list of the student's maps to maps of the teacher's shapes.

    Raises:
        RequestError: for features that are not maps, or smaller one way and larger the other.
    """
    inputs, outputs = [], []
    for number, shapes in enumerate(zip(student_shapes, teacher_shapes, strict=True)):
        convolution = _convolution(*shapes, f"regressor{number}", policy)
        norm = FusedBatchNormalization(**BATCH_NORM, dtype=policy, name=f"{convolution.name}_norm")
        inputs.append(keras.Input(shapes[0]))
        outputs.append(norm(convolution(inputs[-1])))
    return keras.Model(inputs, outputs, name="heads")


def _middle_layers(teacher, student):
    return [middle_layer(side) for side in paired_stages(teacher, student)]


def _convolution(student, teacher, name, policy):
    maps = len(student) == len(teacher) == 3
    larger = [s - t for s, t in zip(student[:2], teacher[:2], strict=True)] if maps else []
    if not maps or min(larger) < 0 < max(larger):
        raise RequestError(
            "Hints are feature maps, the student's at least or at most the teacher's size both "
            "ways. Expected layers of (height, width, channels), see --teacher_layers and "
            f"--student_layers. Received: {teacher} of the teacher, {student} of the student"
        )
    kind = keras.layers.Conv2D if min(larger) >= 0 else keras.layers.Conv2DTranspose
    return kind(
        teacher[-1],
        [abs(pixels) + 1 for pixels in larger],
        use_bias=False,
        kernel_initializer=torch_uniform(),
        dtype=policy,
        name=name,
    )
