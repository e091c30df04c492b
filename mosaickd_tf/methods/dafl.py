"""DAFL: a generator whose images give the teacher certain answers and strong activations."""

import math

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import (
    TEACHER_FEATURES,
    TEACHER_GRADIENTS,
    Method,
    check_generator_weights,
    method_config,
)
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import CLASS_BALANCE, DISTILLATION, Term
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.features import POOLED
from mosaickd_tf.methods.noise import GENERATOR, STUDENT, count, noise_source
from mosaickd_tf.methods.statistics import optional_statistics, statistics_arguments
from mosaickd_tf.models.graph.activations import ActivationCapture, layers_by_name
from mosaickd_tf.models.graph.walk import leaf_layers


@method_config(flag_prefix="dafl_")
class DaflConfig(ConfigSection):
    """DAFL (dafl)."""

    one_hot_weight: float = option(
        1.0, "Weight of the cross-entropy to the teacher's likeliest classes.", at_least=0.0
    )
    activation_weight: float = option(
        0.1, "Weight of the size of the teacher's features.", at_least=0.0
    )
    balance_weight: float = option(
        5.0, "Weight of the entropy of the mean prediction, in nats.", at_least=0.0
    )


METHOD = Method(
    name="dafl",
    distiller="DaflDistiller",
    source="Chen et al., Data-Free Learning of Student Networks, ICCV 2019",
    needs=(TEACHER_FEATURES, TEACHER_GRADIENTS),
    networks=("student", "generator"),
    synthetic_images="generator",
    terms=(
        Term(
            name="one_hot_loss",
            short="one-hot",
            title="One-hot loss",
            note="cross-entropy of the teacher's predictions to its likeliest classes",
            unit="nats",
            flag="dafl_one_hot_weight",
        ),
        Term(
            name="activation_loss",
            short="activation",
            title="Activation loss",
            note="minus the mean size of the teacher's features",
            flag="dafl_activation_weight",
        ),
        CLASS_BALANCE.weighted_by("dafl_balance_weight"),
        DISTILLATION,
    ),
    config=DaflConfig,
    shared=("statistics",),
)


class DaflDistiller(Distiller):
    """No images at all: the generator learns from the teacher alone, the student by imitation.

    The weights 1, 0.1 and 5 are the defaults of the official script, whose README gives 0.5,
    0.1 and 20 for CIFAR-100 (one hot, activation, balance). Its balance takes the logarithm to
    base 10: its 5 is 2.2 a nat and its 20 is 8.7, while the 5 here is 5 a nat. What is reported
    is in bits, as in all methods. The paper's and the official code's student and generator
    learn from the same images; here the student's are fresh, as in the other methods.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images.
        config: a `DaflConfig`.
        teacher_layers: name of the teacher's layer before the logits; found if left out.
        statistics_weight: of the statistics term beside those of the paper; at least 0.
        statistics_distance: "norm" or "kl", as of `StatisticsMatcher`.
        noise_dim: length of the noise; needed only for a subclassed generator.
        **kwargs: those of `Distiller`; features are captured inside the teacher, so it must be
            the network itself and not an `inference_copy`.

    Raises:
        RequestError: for a teacher whose layer before the logits is not known, or when all weights
            are 0.

    Reference:
        - [Chen et al., 2019](https://arxiv.org/abs/1904.01186)
    """

    method = METHOD

    def __init__(
        self,
        *,
        generator,
        teacher_layers=(),
        statistics_weight=0.0,
        statistics_distance="norm",
        noise_dim=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator = generator
        self.noise = noise_source(self, generator, noise_dim)
        names = teacher_layers or [x.name for x in leaf_layers(self.teacher) if x.name == POOLED]
        self.teacher_capture = ActivationCapture(self.teacher, layers_by_name(self.teacher, names))
        if len(self.teacher_capture.layers) != 1:
            raise RequestError(
                f"The layer before the logits of {self.teacher.name!r} is needed. Expected one "
                f"called {POOLED}, as in the networks of this package, or one name in "
                f"`teacher_layers`. Received: {len(self.teacher_capture.layers)} layers"
            )
        check_generator_weights(self.config, statistics_weight=statistics_weight)
        self.statistics_weight = statistics_weight
        self.statistics = optional_statistics(
            self, None, statistics_weight, statistics_distance, self.teacher_capture
        )

    def train_step(self, batch):
        """Runs one round: the generator, then k updates of the student on fresh images."""
        batch_size = count(batch["transfer_images"])
        with tf.GradientTape() as tape:
            synthetic_images = self.generator(self.noise(batch_size, GENERATOR), training=True)
            generator_loss = self.generator_loss(synthetic_images)
        self.apply_gradients(tape, generator_loss, "generator")

        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            update_student(self.student_images(batch, k))
        return self.end_round()

    def generator_loss(self, synthetic_images):
        """Returns one_hot · L_oh + activation · L_a + balance · L_balance, a scalar."""
        w, loss = self.config, 0.0
        if self.statistics:
            (teacher_logits, (features,)), statistics_loss = self.statistics(synthetic_images)
            loss += self.statistics_weight * self.record("statistics_loss", statistics_loss)
        else:
            teacher_logits, (features,) = self.teacher_capture(synthetic_images, training=False)
        if w.one_hot_weight:
            one_hot = self.task.one_hot_loss(teacher_logits)
            loss += w.one_hot_weight * self.record("one_hot_loss", one_hot)
        if w.activation_weight:
            activation = losses.activation_loss(features)
            loss += w.activation_weight * self.record("activation_loss", activation)
        if w.balance_weight:
            balance = self.record(
                "class_balance_loss", self.task.class_balance_loss(teacher_logits)
            )
            loss += w.balance_weight * math.log(2.0) * balance  # bits to nats
        return loss

    def update_student(self, unit_images):
        """Updates the student once: L_kd on synthetic images."""
        teacher_logits = self.teacher(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits = self.student(unit_images, training=True)
            loss = self.task.distillation_loss(teacher_logits, student_logits, self.temperature)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", loss)

    def student_images(self, batch, k):
        """Returns fresh synthetic images for the student's update `k`."""
        noise = self.noise(count(batch["transfer_images"]), STUDENT + k)
        return self.generator(noise, training=True)

    def samples(self, count):
        """See `Distiller.samples`."""
        return self.noise.samples(count)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        return (
            super().arguments(config, num_images)
            | statistics_arguments(config)
            | {"teacher_layers": config.method.teacher_layers}
        )
