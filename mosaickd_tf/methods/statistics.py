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
    statistics_distance: str = option(
        "norm",
        "Distance of the statistics of a layer: `norm` of the differences, as in CMI, in which "
        "layers of large values count most, or `kl`, the divergence of normal distributions of "
        "each channel (arXiv 2005.04136), in which all layers count alike.",
        choices=("norm", "kl"),
    )


class StatisticsMatcher:
    """Runs the teacher on images and compares their statistics with those that it stores.

    Args:
        teacher: Keras model from unit images to logits, with BatchNormalization layers: not an
            inference copy, in which they are folded.
        outputs_of: what is run in place of the teacher, an `ActivationCapture` of it, where its
            features are needed too.
        distance: "norm", `losses.statistics_loss`, or "kl", `losses.statistics_divergence`.

    Raises:
        RequestError: for a teacher without BatchNormalization.

    Reference:
        - [Yin et al., 2020](https://arxiv.org/abs/1912.08795), `R_feature`
    """

    def __init__(self, teacher, outputs_of=None, distance="norm"):
        self.distance = distance
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
            The teacher's logits, or the outputs of `outputs_of`; and the distance summed over
            layers, a scalar.
        """
        outputs, inputs = self._capture(unit_images, training=False)
        pairs = zip(inputs, self.norms, strict=True)
        return outputs, losses.total([self._distance(x, norm) for x, norm in pairs])

    def _distance(self, features, norm):
        features = ops.moveaxis(features, norm.axis, -1)
        if self.distance == "norm":
            return losses.statistics_loss(features, norm.moving_mean, norm.moving_variance)
        return losses.statistics_divergence(
            features, norm.moving_mean, norm.moving_variance, norm.epsilon
        )


def statistics_arguments(config):
    """Returns the arguments of a distiller that the section of a `DistillConfig` determines."""
    section = config.methods["statistics"]
    return {
        "statistics_weight": section.statistics_weight,
        "statistics_distance": section.statistics_distance,
    }


def optional_statistics(distiller, statistics, weight, distance="norm", outputs_of=None):
    """Returns the `StatisticsMatcher` of a distiller whose weight may be 0; tracks its term.

    Args:
        distiller: the `Distiller`.
        statistics: a `StatisticsMatcher`, or None to make one of the distiller's teacher.
        weight: of the term; 0 for none.
        distance: as of `StatisticsMatcher`.
        outputs_of: as of `StatisticsMatcher`.
    """
    if not weight:
        return None
    distiller.track("statistics_loss")
    return statistics or StatisticsMatcher(distiller.teacher, outputs_of, distance)
