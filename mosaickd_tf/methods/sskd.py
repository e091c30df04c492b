"""Self-supervision as knowledge: how a network matches rotated images to plain ones."""

import math

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import BaselineTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import ClassifierOutputs
from mosaickd_tf.methods.crd import single_shape
from mosaickd_tf.methods.features import FeatureDistiller, policy
from mosaickd_tf.models.blocks import torch_uniform
from mosaickd_tf.training.optimizers import MomentumSGD

# As in the code that the authors published.
TRANSFORMED_TEMPERATURE = 4.0
SIMILARITY_TEMPERATURE = 0.5
VIEWS = 4  # the plain image and its rotations by 90, 180 and 270 degrees


class SelfSupervisedDistiller(FeatureDistiller):
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
        transformed_weight: of the distillation on rotated images, at least 0.
        transformed_share: of the rotated images on which the teacher is wrong, those kept.
        similarity_weight: of the similarities, at least 0.
        similarity_share: of the rotated images that the teacher matches wrongly, those kept.
        **kwargs: those of `Distiller`; one layer of each network.

    Raises:
        RequestError: for images that are not square, or more than one layer.

    Reference:
        - [Xu et al., 2020](https://arxiv.org/abs/2006.07114)
    """

    source = "Xu et al., Knowledge Distillation Meets Self-Supervision, ECCV 2020"
    terms = ("distillation_loss", "transformed_loss", "similarity_loss", "matching_loss")
    players = ("student", "heads", "teacher_head")
    trained_with_student = ("student", "heads")

    def __init__(
        self,
        *,
        teacher_rounds,
        transformed_weight=BaselineTerms.sskd_transformed_weight,
        transformed_share=BaselineTerms.sskd_transformed_share,
        similarity_weight=BaselineTerms.sskd_similarity_weight,
        similarity_share=BaselineTerms.sskd_similarity_share,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.teacher_rounds = teacher_rounds
        self.transformed_weight = transformed_weight
        self.transformed_share = transformed_share
        self.similarity_weight = similarity_weight
        self.similarity_share = similarity_share
        heads = {"heads": self.student_capture, "teacher_head": self.teacher_capture}
        self.heads, self.teacher_head = (
            build_projection(single_shape(taps), name, policy(taps)) for name, taps in heads.items()
        )
        height, width = self.teacher.input_shape[1:3]
        if height != width:
            raise RequestError(
                "Images are rotated by right angles. Expected square ones. Received: "
                f"{height}x{width}"
            )

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        terms, rounds = config.baselines, config.optimization.rounds
        return super().options(config) | {
            "teacher_rounds": min(math.ceil(terms.sskd_teacher_share * rounds), rounds - 1),
            "transformed_weight": terms.sskd_transformed_weight,
            "transformed_share": terms.sskd_transformed_share,
            "similarity_weight": terms.sskd_similarity_weight,
            "similarity_share": terms.sskd_similarity_share,
        }

    def compile(self, *, teacher_head_optimizer=None, **kwargs):
        """Sets the optimizers; of the teacher's head the published one, at its first rate."""
        super().compile(**kwargs)
        self.teacher_head_optimizer = teacher_head_optimizer or MomentumSGD(0.05, l2=5e-4)
        self.teacher_head_optimizer.build(self.teacher_head.trainable_variables)

    def update_student(self, unit_images, **context):
        """One update of the teacher's head or of the student, as the round asks."""
        views = rotations(unit_images)
        update = super().update_student

        def student():
            update(views, **context)
            return self.rounds_played  # `tf.cond` wants something of both

        def teacher_head():
            self._update_teacher_head(views)
            return self.rounds_played

        tf.cond(self.rounds_played < self.teacher_rounds, teacher_head, student)

    def student_loss(self, teacher, student):
        """Plain distillation, that on rotated images, and that of similarities."""
        size = tf.shape(teacher.logits)[0] // VIEWS
        plain = (
            ClassifierOutputs(teacher.logits[:size], []),
            ClassifierOutputs(student.logits[:size], []),
        )
        distillation = super().student_loss(*plain)
        transformed = losses.ranked_distillation_loss(
            teacher.logits[size:],
            student.logits[size:],
            tf.tile(tf.argmax(plain[0].logits, axis=-1), [VIEWS - 1]),
            self.transformed_share,
            TRANSFORMED_TEMPERATURE,
        )
        similarity = losses.ranked_distillation_loss(
            _matches(self.teacher_head(teacher.features[0], training=False)),
            _matches(self.heads(student.features[0], training=True)),
            _owners(size),
            self.similarity_share,
            SIMILARITY_TEMPERATURE,
        )
        self.report(transformed_loss=transformed, similarity_loss=similarity)
        return (
            distillation
            + self.transformed_weight * transformed
            + self.similarity_weight * similarity
        )

    def _update_teacher_head(self, views):
        seen = ClassifierOutputs(*self.teacher_capture(views, training=False))
        with tf.GradientTape() as tape:
            matches = _matches(self.teacher_head(seen.features[0], training=True))
            loss = losses.matching_loss(matches, _owners(tf.shape(matches)[1]))
        self.apply(tape, loss, "teacher_head")
        self.report(matching_loss=loss)
        self.student_optimizer.iterations.assign_add(1)  # schedules count all rounds


def build_projection(shape, name, policy=None):
    """Two dense layers as wide as the features, ReLU between them.

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
    """The images and their rotations by 90, 180 and 270 degrees, counter-clockwise.

    Args:
        unit_images: `(batch, side, side, channels)`.

    Returns:
        `(4 · batch, side, side, channels)`, the plain ones first.
    """
    turned = tf.reverse(tf.transpose(unit_images, (0, 2, 1, 3)), axis=[1])
    views = [unit_images, turned, *(tf.reverse(x, axis=[1, 2]) for x in (unit_images, turned))]
    return tf.concat(views, axis=0)


def _matches(vectors):
    """Similarities of the rotated images to the plain ones, from the vectors of all views."""
    size = tf.shape(vectors)[0] // VIEWS
    return losses.similarities(vectors[size:], vectors[:size])


def _owners(size):
    """Which plain image each rotated one was made of."""
    return tf.tile(tf.range(size), [VIEWS - 1])
