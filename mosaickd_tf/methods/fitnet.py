"""Hints: the student's middle layer imitates the teacher's through a regressor."""

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import FEATURES, OOD_IMAGES, Method, method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import DISTILLATION, Term
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.features import (
    dtype_policy,
    feature_captures,
    feature_shapes,
    layer_arguments,
    middle_layer,
    paired_stages,
)
from mosaickd_tf.models.blocks import BATCH_NORM, torch_uniform
from mosaickd_tf.models.graph.stages import stage_outputs
from mosaickd_tf.models.normalization import FusedBatchNormalization


@method_config(flag_prefix="fitnet_")
class HintConfig(ConfigSection):
    """FitNets (fitnet)."""

    hint_weight: float = option(100.0, "Weight of the hint.", at_least=0.0)


METHOD = Method(
    name="fitnet",
    distiller="HintDistiller",
    source="Romero et al., FitNets: Hints for Thin Deep Nets, ICLR 2015",
    needs=(OOD_IMAGES, FEATURES),
    networks=("student", "heads"),
    terms=(
        DISTILLATION,
        Term(
            name="hint_loss",
            short="hint",
            title="Hint loss",
            note="mean squared difference of the regressed features from the teacher's",
            flag="fitnet_hint_weight",
        ),
    ),
    config=HintConfig,
)


class HintDistiller(Distiller):
    """FitNets, in one stage: the hint is a term beside plain distillation.

    The paper trains the lower half of the student on the hint alone first. The benchmark of
    [Tian et al., 2020](https://arxiv.org/abs/1910.10699), whose settings the tables of OOD
    distillation follow, adds the hint to the loss instead, and so does this. Without labels,
    plain distillation stands where the benchmark has cross-entropy.

    Args:
        config: a `HintConfig`.
        teacher_layers: names of the teacher's layers whose feature maps are the hints; the end of
            the middle stage if left out.
        student_layers: the same of the student, as many.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: for layers that are not feature maps.

    Reference:
        - [Romero et al., 2015](https://arxiv.org/abs/1412.6550)
    """

    method = METHOD
    trained_with_student = ("student", "heads")

    def __init__(self, *, teacher_layers=(), student_layers=(), **kwargs):
        super().__init__(**kwargs)
        self.teacher_capture, self.student_capture = feature_captures(
            self.teacher,
            self.student,
            teacher_layers,
            student_layers,
            pair=_middle_layers,
            single=lambda model: middle_layer(stage_outputs(model)),
        )
        self.heads = build_regressors(
            feature_shapes(self.student_capture),
            feature_shapes(self.teacher_capture),
            dtype_policy(self.student_capture),
        )

    def train_step(self, batch):
        """Runs one round: k updates of the student on OOD images."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(self.student_images(batch, k))
        return self.end_round()

    def update_student(self, unit_images):
        """Updates the student and its regressors once: L_kd + weight · hint."""
        teacher_logits, hints = self.teacher_capture(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits, student_features = self.student_capture(unit_images, training=True)
            distillation = self.task.distillation_loss(
                teacher_logits, student_logits, self.temperature
            )
            guided = tf.nest.flatten(self.heads(student_features, training=True))  # one is no list
            hint = losses.total(map(losses.hint_loss, hints, guided))
            loss = distillation + self.config.hint_weight * hint
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", distillation)
        self.record("hint_loss", hint)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        return super().arguments(config, num_images) | layer_arguments(config)


def build_regressors(student_shapes, teacher_shapes, policy=None):
    """Builds a normalized convolution from each of the student's maps to the teacher's size.

    Its kernel is just large enough: `student − teacher + 1` pixels a side, as in the paper,
    so 1×1 for equal maps; a transposed one of `teacher − student + 1` where the student's map
    is smaller, which the paper does not have. The normalization is the benchmark's, whose
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
            "ways. Expected `teacher_layers` and `student_layers` that return (height, width, "
            f"channels). Received: {teacher} of the teacher, {student} of the student. Name others"
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
