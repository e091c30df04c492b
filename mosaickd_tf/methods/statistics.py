"""What the teacher's normalisations remember of the data that it was trained on."""

from keras import ops

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import ClassifierOutputs
from mosaickd_tf.models.graph.activations import ActivationCapture, normalizations


class TeacherStatistics:
    """Shows images to the teacher and compares their statistics with the remembered ones.

    Args:
        teacher: Keras model from unit images to logits.
        layers: those of it that the method watches too.

    Raises:
        RequestError: for a teacher without batch normalisation.

    Reference:
        - [Yin et al., 2020](https://arxiv.org/abs/1912.08795), `R_feature`
    """

    def __init__(self, teacher, layers=()):
        self.norms = normalizations(teacher)
        if not self.norms:
            raise RequestError(
                "The method compares normalisation statistics of the teacher. Expected a teacher "
                f"with BatchNormalization. Received: {teacher.name!r} without any; choose another "
                "method, or a weight of 0"
            )
        self.taps = ActivationCapture(ActivationCapture(teacher, layers), self.norms, side="input")

    def __call__(self, unit_images):
        """Returns the teacher's `ClassifierOutputs`, `statistics_loss` summed over layers."""
        (logits, features), inputs = self.taps(unit_images, training=False)
        distances = [
            losses.statistics_loss(
                ops.moveaxis(x, norm.axis, -1), norm.moving_mean, norm.moving_variance
            )
            for x, norm in zip(inputs, self.norms, strict=True)
        ]
        return ClassifierOutputs(logits, features, sum(distances))
