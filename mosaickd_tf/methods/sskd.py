"""Self-supervision as knowledge: how a network matches rotated images to plain ones."""

import math

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
    layer_arguments,
    penultimate_layer,
    single_feature_shape,
)
from mosaickd_tf.models.blocks import torch_uniform
from mosaickd_tf.training.optimizers import MomentumSGD

# As in the code that the authors published.
TRANSFORMED_TEMPERATURE = 4.0
SIMILARITY_TEMPERATURE = 0.5
VIEWS = 4  # the plain image and its rotations by 90, 180 and 270 degrees


@method_config(flag_prefix="sskd_")
class SelfSupervisedConfig(ConfigSection):
    """Self-supervised distillation (sskd)."""

    teacher_share: float = option(
        0.2,
        "Share of the rounds in which a head of the teacher learns to match rotated images.",
        at_least=0.0,
        at_most=0.9,
    )
    transformed_weight: float = option(
        2.7, "Weight of the distillation on rotated images.", at_least=0.0
    )
    transformed_share: float = option(
        1.0,
        "Share kept of the rotated images to which the teacher assigns another class.",
        at_least=0.0,
        at_most=1.0,
    )
    similarity_weight: float = option(
        10.0, "Weight of the similarities between images.", at_least=0.0
    )
    similarity_share: float = option(
        0.75,
        "Share kept of the rotated images that the teacher matches to another image.",
        at_least=0.0,
        at_most=1.0,
    )


METHOD = Method(
    name="sskd",
    distiller="SelfSupervisedDistiller",
    source="Xu et al., Knowledge Distillation Meets Self-Supervision, ECCV 2020",
    needs=(OOD_IMAGES, FEATURES),
    networks=("student", "heads", "teacher_head"),
    terms=(
        DISTILLATION,
        Term(
            name="transformed_loss",
            short="rotated",
            title="Distillation loss on rotated images",
            unit="nats",
            flag="sskd_transformed_weight",
        ),
        Term(
            name="similarity_loss",
            short="similarity",
            title="Similarity loss",
            note="divergence of the similarities between rotated and plain images",
            unit="nats",
            flag="sskd_similarity_weight",
        ),
        Term(
            name="matching_loss",
            short="matching",
            title="Matching loss",
            note="of the teacher's head in the first phase",
            unit="nats",
        ),
    ),
    tasks=("single_label",),
    config=SelfSupervisedConfig,
)


class SelfSupervisedDistiller(Distiller):
    """SSKD in two phases: a head of the teacher learns first, then the student.

    In the first rounds a head on the frozen teacher's features learns to match each rotated
    image to its plain one; the student rests, and its schedule goes on. In the others the
    student imitates the teacher on plain images, on rotated ones, and in the similarities
    between rotated and plain images, for which it has a head of its own.

    There are no labels: the teacher's prediction on the plain image takes their place where
    rotated images are ranked, and plain distillation, of weight 1, that of cross-entropy and
    distillation of 0.1 and 0.9.

    Args:
        teacher_rounds: rounds of the first phase, at least 0.
        config: a `SelfSupervisedConfig`.
        teacher_layers: name of the teacher's layer whose output is projected; the pooled one
            before the logits if left out.
        student_layers: the same of the student.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: for images that are not square, or more than one layer.

    Reference:
        - [Xu et al., 2020](https://arxiv.org/abs/2006.07114)
    """

    method = METHOD
    trained_with_student = ("student", "heads")

    def __init__(self, *, teacher_rounds, teacher_layers=(), student_layers=(), **kwargs):
        super().__init__(**kwargs)
        self.teacher_rounds = teacher_rounds
        self.teacher_capture, self.student_capture = feature_captures(
            self.teacher, self.student, teacher_layers, student_layers, single=penultimate_layer
        )
        captures = {"heads": self.student_capture, "teacher_head": self.teacher_capture}
        self.heads, self.teacher_head = (
            build_projection(single_feature_shape(capture), name, dtype_policy(capture))
            for name, capture in captures.items()
        )
        height, width = self.teacher.input_shape[1:3]
        if height != width:
            raise RequestError(
                "Images are rotated by right angles. Expected square ones. Received: "
                f"{height}x{width}"
            )

    def train_step(self, batch):
        """Runs one round: k updates of the teacher's head in the first phase, then of the student.

        Both see plain OOD images and their rotations.
        """
        update = self.traced_once(self._update)
        for k in range(batch["transfer_images"].shape[1]):
            update(self.student_images(batch, k))
        return self.end_round()

    def _update(self, unit_images):
        views = rotations(unit_images)

        def student():
            self.update_student(views)
            return self.rounds_completed  # `tf.cond` needs a value of both

        def teacher_head():
            self.update_teacher_head(views)
            return self.rounds_completed

        tf.cond(self.rounds_completed < self.teacher_rounds, teacher_head, student)

    def update_teacher_head(self, views):
        """Updates the teacher's head once: match each rotated image to its plain one."""
        _, (features,) = self.teacher_capture(views, training=False)
        with tf.GradientTape() as tape:
            matches = _matches(self.teacher_head(features, training=True))
            loss = losses.matching_loss(matches, _owners(tf.shape(matches)[1]))
        self.apply_gradients(tape, loss, "teacher_head")
        self.record("matching_loss", loss)
        self.student_optimizer.iterations.assign_add(1)  # schedules count all rounds

    def update_student(self, views):
        """Updates the student and its head once.

        L_kd on plain images + transformed · L_kd on rotated images + similarity · divergence of
        the similarities.

        Args:
            views: `(4 · batch, side, side, channels)`, plain images first.
        """
        w = self.config
        teacher_logits, (teacher_features,) = self.teacher_capture(views, training=False)
        with tf.GradientTape() as tape:
            student_logits, (student_features,) = self.student_capture(views, training=True)
            size = tf.shape(teacher_logits)[0] // VIEWS
            distillation = self.task.distillation_loss(
                teacher_logits[:size], student_logits[:size], self.temperature
            )
            transformed = losses.ranked_distillation_loss(
                teacher_logits[size:],
                student_logits[size:],
                tf.tile(self.task.likeliest(teacher_logits[:size]), [VIEWS - 1]),
                w.transformed_share,
                TRANSFORMED_TEMPERATURE,
            )
            similarity = losses.ranked_distillation_loss(
                _matches(self.teacher_head(teacher_features, training=False)),
                _matches(self.heads(student_features, training=True)),
                _owners(size),
                w.similarity_share,
                SIMILARITY_TEMPERATURE,
            )
            loss = (
                distillation + w.transformed_weight * transformed + w.similarity_weight * similarity
            )
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", distillation)
        self.record("transformed_loss", transformed)
        self.record("similarity_loss", similarity)

    def default_optimizer(self, network):
        """See `Distiller.default_optimizer`; of the teacher's head at its first rate."""
        if network == "teacher_head":
            return MomentumSGD(0.05, l2=5e-4)
        return super().default_optimizer(network)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        rounds = config.optimization.rounds
        share = config.methods[cls.method.name].teacher_share
        return (
            super().arguments(config, num_images)
            | layer_arguments(config)
            | {"teacher_rounds": min(math.ceil(share * rounds), rounds - 1)}
        )


def build_projection(shape, name, policy=None):
    """Builds two dense layers as wide as the features, ReLU between them.

    Args:
        shape: of the features without the batch axis; they are flattened.
        name: name of the model.
        policy: dtype policy of the layers.

    Returns:
        A functional model from features to vectors `(batch, size)`.
    """
    inputs = keras.Input(shape)
    hidden = keras.layers.Flatten(dtype=policy)(inputs)
    size = hidden.shape[-1]
    for activation in ("relu", None):
        hidden = keras.layers.Dense(
            size, activation=activation, kernel_initializer=torch_uniform(), dtype=policy
        )(hidden)
    return keras.Model(inputs, hidden, name=name)


def rotations(unit_images):
    """Returns the images and their rotations by 90, 180 and 270 degrees, counter-clockwise.

    Args:
        unit_images: `(batch, side, side, channels)`.

    Returns:
        `(4 · batch, side, side, channels)`, the plain ones first.
    """
    turned = tf.reverse(tf.transpose(unit_images, (0, 2, 1, 3)), axis=[1])
    views = [unit_images, turned, *(tf.reverse(x, axis=[1, 2]) for x in (unit_images, turned))]
    return tf.concat(views, axis=0)


def _matches(vectors):
    """Returns similarities of rotated to plain images, from the vectors of all views."""
    size = tf.shape(vectors)[0] // VIEWS
    return losses.similarities(vectors[size:], vectors[:size])


def _owners(size):
    """Returns the number of the plain image that each rotated one comes from."""
    return tf.tile(tf.range(size), [VIEWS - 1])
