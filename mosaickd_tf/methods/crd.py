"""Contrastive representation distillation, with a memory of every OOD image."""

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
from mosaickd_tf.utils.stateless_random import random_bits

# As in the code that the authors published.
EMBEDDING_SIZE = 128
TEMPERATURE = 0.07
MOMENTUM = 0.5


@method_config(flag_prefix="crd_")
class ContrastiveConfig(ConfigSection):
    """Contrastive distillation (crd)."""

    weight: float = option(0.8, "Weight of the contrastive term.", at_least=0.0)
    negatives: int = option(
        16384,
        "Negatives: other images from which each is told apart; at most all of them.",
        at_least=1,
    )


METHOD = Method(
    name="crd",
    distiller="ContrastiveDistiller",
    source="Tian et al., Contrastive Representation Distillation, ICLR 2020",
    needs=(OOD_IMAGES, FEATURES),
    networks=("student", "heads"),
    terms=(
        DISTILLATION,
        Term(
            name="contrastive_loss",
            short="contrast",
            title="Contrastive loss",
            note="of both sides, a sum over the negatives",
            unit="nats",
            flag="crd_weight",
        ),
    ),
    config=ContrastiveConfig,
)


class ContrastiveDistiller(Distiller):
    """CRD beside plain distillation: an image's embeddings match across the two networks.

    Each side's embedding of an image is told apart from the other side's embeddings of other
    images, which are remembered from when those images were last seen. Without labels the
    negatives are any other images, not those of other classes.

    Args:
        num_images: number of OOD images, at least 2; each is remembered.
        config: a `ContrastiveConfig`; at most all other images are drawn as negatives, with
            replacement.
        teacher_layers: name of the teacher's layer whose output is embedded; the pooled one before
            the logits if left out.
        student_layers: the same of the student.
        **kwargs: those of `Distiller`.

    Raises:
        RequestError: without the number of images, or with more than one layer.

    Reference:
        - [Tian et al., 2020](https://arxiv.org/abs/1910.10699)
    """

    method = METHOD
    batch_keys = ("transfer_images", "index")
    trained_with_student = ("student", "heads")

    def __init__(self, *, num_images=None, teacher_layers=(), student_layers=(), **kwargs):
        super().__init__(**kwargs)
        if not num_images or num_images < 2:
            raise RequestError(
                "`num_images` is needed: every OOD image is remembered. Expected at least 2. "
                f"Received: {num_images}"
            )
        self.teacher_capture, self.student_capture = feature_captures(
            self.teacher, self.student, teacher_layers, student_layers, single=penultimate_layer
        )
        self.num_images = num_images
        self.negatives = min(self.config.negatives, num_images - 1)
        captures = (self.student_capture, self.teacher_capture)
        shapes = [single_feature_shape(capture) for capture in captures]
        self.heads = build_embeddings(*shapes, dtype_policy(self.student_capture))
        self.student_bank = self._bank("student_bank")
        self.teacher_bank = self._bank("teacher_bank")
        # Of the student's scores and the teacher's; measured in the very first update, or later
        # where that is not finite.
        self.log_normalizers = self.add_weight(
            name="log_normalizers", shape=(2,), initializer="zeros", trainable=False
        )

    def train_step(self, batch):
        """Runs one round: k updates of the student on OOD images, each with its index."""
        update_student = self.traced_once(self.update_student)
        for k in range(batch["transfer_images"].shape[1]):
            index = tf.cast(batch["index"][:, k], "int32")
            update_student(self.student_images(batch, k), index=index, k=k)
        return self.end_round()

    def update_student(self, unit_images, index, k):
        """Updates the student and the embeddings once: L_kd + weight · contrast; remembers.

        Args:
            unit_images: `(batch, height, width, channels)`.
            index: int32 `(batch,)`, the number of each image in the data set.
            k: number of the update in the round.
        """
        teacher_logits, teacher_features = self.teacher_capture(unit_images, training=False)
        with tf.GradientTape() as tape:
            student_logits, student_features = self.student_capture(unit_images, training=True)
            distillation = self.task.distillation_loss(
                teacher_logits, student_logits, self.temperature
            )
            heads = self.heads([*student_features, *teacher_features], training=True)
            embeddings = [_unit_length(head) for head in heads]
            scores = self._scores(embeddings, self._candidates(index, k))
            self._measure_normalizers(scores, k)
            contrastive = losses.total(
                losses.noise_contrastive_loss(side, self.log_normalizers[i], self.num_images)
                for i, side in enumerate(scores)
            )
            for bank, seen in zip((self.student_bank, self.teacher_bank), embeddings, strict=True):
                remember(bank, index, tf.stop_gradient(seen))
            loss = distillation + self.config.weight * contrastive
        self.apply_gradients(tape, loss, "student")
        self.record("distillation_loss", distillation)
        self.record("contrastive_loss", contrastive)

    @classmethod
    def arguments(cls, config, num_images=None):
        """See `Distiller.arguments`."""
        layers = layer_arguments(config)
        return super().arguments(config, num_images) | layers | {"num_images": num_images}

    def state(self):
        """See `Distiller.state`; with the remembered embeddings."""
        return super().state() | {
            "student_bank": self.student_bank,
            "teacher_bank": self.teacher_bank,
            "log_normalizers": self.log_normalizers,
        }

    def _candidates(self, index, k):
        """Returns indices `(batch, 1 + negatives)`: each image itself, then random other ones."""
        shape = (tf.shape(index)[0], self.negatives)
        bits = random_bits(shape, self.stateless_seed(k))
        others = tf.cast(bits % tf.constant(self.num_images - 1, "uint32"), "int32")
        others += tf.cast(others >= index[:, tf.newaxis], "int32")
        return tf.concat([index[:, tf.newaxis], others], axis=1)

    def _scores(self, embeddings, candidates):
        """Returns cosines over the temperature with the other side's remembered candidates."""
        # All scores of a batch are fewer numbers than the candidates' embeddings.
        return [
            tf.gather(
                tf.matmul(seen, tf.convert_to_tensor(bank), transpose_b=True) / TEMPERATURE,
                candidates,
                batch_dims=1,
            )
            for seen, bank in zip(embeddings, (self.teacher_bank, self.student_bank), strict=True)
        ]

    def _measure_normalizers(self, scores, k):
        if k:
            return
        count = math.log(self.num_images)
        measured = [
            tf.reduce_logsumexp(side) - tf.math.log(tf.cast(tf.size(side), "float32")) + count
            for side in scores
        ]
        is_due = (self.rounds_completed == 0) | (self.log_normalizers == 0)
        is_due &= tf.math.is_finite(measured)
        self.log_normalizers.assign(
            tf.where(is_due, tf.stop_gradient(measured), self.log_normalizers)
        )

    def _bank(self, name):
        limit = (3 / EMBEDDING_SIZE) ** 0.5  # rows of length 1 on average
        return self.add_weight(
            name=name,
            shape=(self.num_images, EMBEDDING_SIZE),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            trainable=False,
        )


def build_embeddings(student_shape, teacher_shape, policy=None):
    """Builds a linear embedding of the student's features and one of the teacher's.

    Args:
        student_shape: of its features without the batch axis; they are flattened.
        teacher_shape: of the teacher's.
        policy: dtype policy of the layers.

    Returns:
        A functional model from both features to both embeddings `(batch, 128)`.
    """
    inputs = [keras.Input(shape) for shape in (student_shape, teacher_shape)]
    outputs = [
        keras.layers.Dense(
            EMBEDDING_SIZE, kernel_initializer=torch_uniform(), dtype=policy, name=f"{side}_embed"
        )(keras.layers.Flatten(dtype=policy)(hidden))
        for side, hidden in zip(("student", "teacher"), inputs, strict=True)
    ]
    return keras.Model(inputs, outputs, name="heads")


def remember(bank, index, embeddings):
    """Moves the rows of a bank half of the way to new embeddings, at length 1.

    An image that is in the batch more than once counts by its mean, whatever the order. Rows stay
    as they are where new ones would not be finite.

    Args:
        bank: variable `(num_images, size)`.
        index: int32 `(batch,)`.
        embeddings: float32 `(batch, size)`.
    """
    same = tf.cast(index[:, tf.newaxis] == index, "float32")
    means = tf.matmul(same, embeddings) / tf.reduce_sum(same, axis=1, keepdims=True)
    before = tf.gather(tf.convert_to_tensor(bank), index)
    rows = _unit_length(MOMENTUM * before + (1 - MOMENTUM) * means)
    is_finite = tf.reduce_all(tf.math.is_finite(rows), axis=1, keepdims=True)
    rows = tf.where(is_finite, rows, before)
    rows = tf.gather(rows, tf.argmax(same, axis=1))  # the first one's, to the last bit
    bank.assign(tf.tensor_scatter_nd_update(bank, index[:, tf.newaxis], rows))


def _unit_length(vectors):
    return tf.math.l2_normalize(tf.cast(vectors, "float32"), axis=-1)
