"""Relational knowledge distillation: distances and angles among the features of a batch."""

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import FEATURES, OOD_IMAGES, Method, method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import DISTILLATION, Term
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.features import feature_captures, layer_arguments, penultimate_layer


@method_config(flag_prefix="rkd_")
class RelationalConfig(ConfigSection):
    """Relational distillation (rkd)."""

    distance_weight: float = option(25.0, "Weight of the distances.", at_least=0.0)
    angle_weight: float = option(50.0, "Weight of the angles.", at_least=0.0)


METHOD = Method(
    name="rkd",
    distiller="RelationalDistiller",
    source="Park et al., Relational Knowledge Distillation, CVPR 2019",
    needs=(OOD_IMAGES, FEATURES),
    terms=(
        DISTILLATION,
        Term(
            name="distance_loss",
            short="distance",
            title="Distance loss",
            note="difference of the distances between two images",
            flag="rkd_distance_weight",
        ),
        Term(
            name="angle_loss",
            short="angle",
            title="Angle loss",
            note="difference of the angles among three images",
            flag="rkd_angle_weight",
        ),
    ),
    config=RelationalConfig,
)


class RelationalDistiller(Distiller):
    """RKD beside plain distillation: images relate to each other as they do for the teacher.

    Args:
        config: a `RelationalConfig`.
        teacher_layers: names of the teacher's layers whose outputs are compared; the pooled one
            before the logits if left out.
        student_layers: the same of the student, as many.
        **kwargs: those of `Distiller`.

    Reference:
        - [Park et al., 2019](https://arxiv.org/abs/1904.05068)
    """

    method = METHOD

    def __init__(self, *, teacher_layers=(), student_layers=(), **kwargs):
        super().__init__(**kwargs)
        self.teacher_capture, self.student_capture = feature_captures(
            self.teacher, self.student, teacher_layers, student_layers, single=penultimate_layer
        )

    def train_step(self, batch):
        """Runs one round: k updates of the student on OOD images."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(self.student_images(batch, k))
        return self.end_round()

    def update_student(self, unit_images):
        """Updates the student once: L_kd + distance · L_RKD-D + angle · L_RKD-A."""
        w = self.config
        teacher_logits, teacher_features = self.teacher_capture(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits, student_features = self.student_capture(unit_images, training=True)
            distillation = self.task.distillation_loss(
                teacher_logits, student_logits, self.temperature
            )
            distance = _compare(losses.distance_loss, teacher_features, student_features)
            angle = _compare(losses.angle_loss, teacher_features, student_features)
            loss = distillation + w.distance_weight * distance + w.angle_weight * angle
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", distillation)
        self.record("distance_loss", distance)
        self.record("angle_loss", angle)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        return super().arguments(config, num_images) | layer_arguments(config)


def _compare(loss, teacher_features, student_features):
    pairs = zip(map(_flat, teacher_features), map(_flat, student_features), strict=True)
    return losses.total(loss(*pair) for pair in pairs)


def _flat(features):
    return tf.reshape(features, (tf.shape(features)[0], -1))
