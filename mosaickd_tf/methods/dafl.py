"""DAFL: a generator after images that the teacher answers with certainty and strongly."""

import math

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import TEACHER_FEATURES
from mosaickd_tf.methods.data_free import DataFreeDistiller
from mosaickd_tf.methods.features import POOLED
from mosaickd_tf.models.graph.activations import leaves


class DaflDistiller(DataFreeDistiller):
    """No images at all: the generator learns from the teacher alone, the student by imitation.

    The weights 1, 0.1 and 5 are the defaults of the official script, whose README gives 0.5,
    0.1 and 20 for CIFAR-100 (one hot, activation, balance). Its balance takes the logarithm to
    base 10: its 5 is 2.2 a nat and its 20 is 8.7, while the 5 here is 5 a nat. What is reported
    is in bits, as in all methods. The paper's and the official code's student and generator
    learn from the same images; here the student's are fresh, as in the other methods.

    Args:
        loss_weights: the `DataFreeTerms`, of which it uses those that begin with `dafl`.
        **kwargs: those of `GenerativeDistiller`; `teacher_layers` is the one before the logits.

    Raises:
        RequestError: for a teacher whose layer before the logits is not known.

    Reference:
        - [Chen et al., 2019](https://arxiv.org/abs/1904.01186)
    """

    source = "Chen et al., Data-Free Learning of Student Networks, ICCV 2019"
    needs = (TEACHER_FEATURES,)
    terms = ("one_hot_loss", "activation_loss", "class_balance_loss", "distillation_loss")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if len(self.teacher_capture.layers) != 1:
            raise RequestError(
                f"The layer before the logits of {self.teacher.name!r} is needed. Expected one "
                f"called {POOLED}, as in the networks of this package, or one name in "
                f"--teacher_layers. Received: {len(self.teacher_capture.layers)} layers"
            )

    @staticmethod
    def watched_layers(model):
        """The pooled features, in a network that has them under that name."""
        return [layer.name for layer in leaves(model) if layer.name == POOLED]

    def generator_terms(self, synthetic_images, teacher):
        """The three terms of the paper."""
        w = self.loss_weights
        return {
            "one_hot_loss": (
                w.dafl_one_hot_weight,
                lambda: losses.one_hot_loss(teacher.logits),
            ),
            "activation_loss": (
                w.dafl_activation_weight,
                lambda: losses.activation_loss(teacher.features[0]),
            ),
            "class_balance_loss": (
                w.dafl_balance_weight * math.log(2.0),  # bits to nats
                lambda: losses.class_balance_loss(teacher.logits),
            ),
        }
