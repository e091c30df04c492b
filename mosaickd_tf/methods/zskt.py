"""ZSKT: a generator that looks for the images on which teacher and student differ."""

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import FEATURES, TEACHER_GRADIENTS, Method, method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.config.terms import ADVERSARIAL, DISTILLATION, Term
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.methods.features import (
    feature_captures,
    feature_shapes,
    layer_arguments,
    paired_stages,
)
from mosaickd_tf.methods.noise import GENERATOR, STUDENT, count, noise_source
from mosaickd_tf.methods.statistics import optional_statistics, statistics_arguments
from mosaickd_tf.models.graph.stages import stage_outputs


@method_config(flag_prefix="zskt_")
class ZsktConfig(ConfigSection):
    """ZSKT (zskt)."""

    attention_weight: float = option(
        250.0, "Weight of the attention transfer, summed over stages.", at_least=0.0
    )


METHOD = Method(
    name="zskt",
    distiller="ZsktDistiller",
    source="Micaelli and Storkey, Zero-shot Knowledge Transfer, NeurIPS 2019",
    needs=(FEATURES, TEACHER_GRADIENTS),
    networks=("student", "generator"),
    synthetic_images="generator",
    terms=(
        ADVERSARIAL,
        DISTILLATION,
        Term(
            name="attention_loss",
            short="attention",
            title="Attention loss",
            note="difference of the attention maps, summed over stages",
            flag="zskt_attention_weight",
        ),
    ),
    config=ZsktConfig,
    shared=("statistics",),
)


class ZsktDistiller(Distiller):
    """No images at all: the generator against the student, which also imitates attention.

    The official code averages the divergence over classes too, which makes its attention
    weigh as many times more as there are classes; here the divergence is the paper's. The
    student's images are fresh in each update, where the official code repeats the generator's.
    Attention is compared at the ends of the stages that `paired_stages` finds in both networks.

    Args:
        generator: Keras model from noise `(batch, noise_dim)` to unit images.
        config: a `ZsktConfig`.
        teacher_layers: names of the teacher's layers whose feature maps are compared.
        student_layers: the same of the student, as many and as high and wide.
        statistics_weight: of the statistics term beside that of the paper; at least 0.
        statistics_distance: "norm" or "kl", as of `StatisticsMatcher`.
        noise_dim: length of the noise; needed only for a subclassed generator.
        **kwargs: those of `Distiller`; features are captured inside the teacher, so it must be
            the network itself and not an `inference_copy`.

    Raises:
        RequestError: for layers that cannot be compared, unless the weight is 0.

    Reference:
        - [Micaelli and Storkey, 2019](https://arxiv.org/abs/1905.09768)
    """

    method = METHOD

    def __init__(
        self,
        *,
        generator,
        teacher_layers=(),
        student_layers=(),
        statistics_weight=0.0,
        statistics_distance="norm",
        noise_dim=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator = generator
        self.noise = noise_source(self, generator, noise_dim)
        self.teacher_capture, self.student_capture = feature_captures(
            self.teacher,
            self.student,
            teacher_layers,
            student_layers,
            pair=_stages_if_known,
            single=_stages_of,
        )
        if self.config.attention_weight:
            self._check_layers()
        self.statistics_weight = statistics_weight
        self.statistics = optional_statistics(self, None, statistics_weight, statistics_distance)

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
        """Returns L_adv, minus the divergence; the student is in training mode."""
        loss = 0.0
        if self.statistics:
            teacher_logits, statistics_loss = self.statistics(synthetic_images)
            loss += self.statistics_weight * self.record("statistics_loss", statistics_loss)
        else:
            teacher_logits = self.teacher(synthetic_images, training=False)
        student_logits = self.student(synthetic_images, training=True)
        adversarial = self.task.adversarial_loss(teacher_logits, student_logits)
        return loss + self.record("adversarial_loss", adversarial)

    def update_student(self, unit_images):
        """Updates the student once: L_kd + weight · attention, summed over stages."""
        weight = self.config.attention_weight
        teacher_logits, teacher_features = self.teacher_capture(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits, student_features = self.student_capture(unit_images, training=True)
            loss = distillation = self.task.distillation_loss(
                teacher_logits, student_logits, self.temperature
            )
            if weight:
                pairs = zip(teacher_features, student_features, strict=True)
                attention = losses.total(losses.attention_loss(*pair) for pair in pairs)
                loss += weight * self.record("attention_loss", attention)
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", distillation)

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
            | layer_arguments(config)
            | statistics_arguments(config)
        )

    def _check_layers(self):
        captures = (self.teacher_capture, self.student_capture)
        sides = [[shape[:-1] for shape in feature_shapes(side)] for side in captures]
        if not sides[0] or sides[0] != sides[1] or any(len(size) != 2 for size in sides[0]):
            raise RequestError(
                "Attention is compared map by map. Expected `teacher_layers` and "
                "`student_layers` of the same heights and widths, or `zskt_attention_weight` 0. "
                f"Received: {sides[0]} of the teacher, {sides[1]} of the student"
            )


def _stages_of(model):
    try:
        return stage_outputs(model)
    except RequestError:
        return []


def _stages_if_known(teacher, student):
    try:
        return paired_stages(teacher, student)
    except RequestError:
        return [], []
