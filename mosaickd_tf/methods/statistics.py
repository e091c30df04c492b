"""The data that the teacher was trained on, as its BatchNormalization statistics show it."""

from keras import ops

from mosaickd_tf import losses
from mosaickd_tf.config.method import method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.activations import ActivationCapture, normalizations
from mosaickd_tf.models.graph.inference import is_inference_copy


@method_config()
class StatisticsConfig(ConfigSection):
    """Beyond the paper, for methods with a generator."""

    statistics_weight: float = option(
        0.0,
        "Weight of the distance between the statistics of synthetic images and those that the "
        "teacher's BatchNormalization layers store, as in CMI (arXiv 2105.08584); 0 for none.",
        at_least=0.0,
    )


class StatisticsMatcher:
    """Runs the teacher on images and compares their statistics with those that it stores.

    Args:
        teacher: Keras model from unit images to logits, with BatchNormalization layers: not an
            inference copy, in which they are folded.
        outputs_of: what is run in place of the teacher, an `ActivationCapture` of it, where its
            features are needed too.

    Raises:
        RequestError: for a teacher without BatchNormalization.

    Reference:
        - [Yin et al., 2020](https://arxiv.org/abs/1912.08795), `R_feature`
    """

    def __init__(self, teacher, outputs_of=None):
        self.norms = normalizations(teacher)
        if is_inference_copy(teacher) or not self.norms:
            folded = ", an inference copy" if is_inference_copy(teacher) else ""
            raise RequestError(
                "The method compares BatchNormalization statistics of the teacher. Expected a "
                f"`teacher` with BatchNormalization. Received: {teacher.name!r}{folded} without "
                "any. Use another method, or a weight of 0"
            )
        teacher.trainable = False
        self._capture = ActivationCapture(outputs_of or teacher, self.norms, side="input")

    def __call__(self, unit_images):
        """Compares images `(batch, height, width, channels)`.

        Returns:
            The teacher's logits, or the outputs of `outputs_of`; and the `statistics_loss` summed
            over layers, a scalar.
        """
        outputs, inputs = self._capture(unit_images, training=False)
        distances = [
            losses.statistics_loss(
                ops.moveaxis(x, norm.axis, -1), norm.moving_mean, norm.moving_variance
            )
            for x, norm in zip(inputs, self.norms, strict=True)
        ]
        return outputs, losses.total(distances)


def optional_statistics(distiller, statistics, weight, outputs_of=None):
    """Returns the `StatisticsMatcher` of a distiller whose weight may be 0; tracks its term.

    Args:
        distiller: the `Distiller`.
        statistics: a `StatisticsMatcher`, or None to make one of the distiller's teacher.
        weight: of the term; 0 for none.
        outputs_of: as of `StatisticsMatcher`.
    """
    if not weight:
        return None
    distiller.track("statistics_loss")
    return statistics or StatisticsMatcher(distiller.teacher, outputs_of)
