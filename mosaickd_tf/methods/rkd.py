"""Relations between images: distances and angles among the features of a batch."""

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import BaselineTerms
from mosaickd_tf.methods.features import FeatureDistiller


class RelationalDistiller(FeatureDistiller):
    """RKD beside plain distillation: images relate to each other as they do for the teacher.

    Args:
        distance_weight: of the distances between two images, at least 0.
        angle_weight: of the angles among three images, at least 0.
        **kwargs: those of `Distiller`.

    Reference:
        - [Park et al., 2019](https://arxiv.org/abs/1904.05068)
    """

    source = "Park et al., Relational Knowledge Distillation, CVPR 2019"
    terms = ("distillation_loss", "distance_loss", "angle_loss")

    def __init__(
        self,
        *,
        distance_weight=BaselineTerms.rkd_distance_weight,
        angle_weight=BaselineTerms.rkd_angle_weight,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.distance_weight = distance_weight
        self.angle_weight = angle_weight

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {
            "distance_weight": config.baselines.rkd_distance_weight,
            "angle_weight": config.baselines.rkd_angle_weight,
        }

    def student_loss(self, teacher, student):
        """Plain distillation, distances and angles."""
        distillation = super().student_loss(teacher, student)
        distance = self._compare(losses.distance_loss, teacher, student)
        angle = self._compare(losses.angle_loss, teacher, student)
        self.report(distance_loss=distance, angle_loss=angle)
        return distillation + self.distance_weight * distance + self.angle_weight * angle

    @staticmethod
    def _compare(loss, teacher, student):
        pairs = zip(map(_flat, teacher.features), map(_flat, student.features), strict=True)
        return sum(loss(*pair) for pair in pairs)


def _flat(features):
    return tf.reshape(features, (tf.shape(features)[0], -1))
