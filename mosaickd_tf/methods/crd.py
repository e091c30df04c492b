"""Contrastive representation distillation, with a memory of every OOD image."""

import math

import keras
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config import BaselineTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.features import FeatureDistiller, policy, watched_shapes
from mosaickd_tf.models.blocks import torch_uniform
from mosaickd_tf.utils.stateless_random import random_bits

# As in the code that the authors published.
EMBEDDING_SIZE = 128
TEMPERATURE = 0.07
MOMENTUM = 0.5


class ContrastiveDistiller(FeatureDistiller):
    """CRD beside plain distillation: an image's embeddings match across the two networks.

    Each side's embedding of an image is told from the other side's embeddings of other
    images, which are remembered from when those images were last seen. Without labels the
    negatives are any other images, not those of other classes.

    Args:
        weight: of the contrastive term, at least 0.
        negatives: other images against which each is told; at most all of them are drawn, with
            replacement.
        **kwargs: those of `Distiller`, `num_images` of at least 2 with them; one layer of each
            network.

    Raises:
        RequestError: without the number of images, or with more than one layer.

    Reference:
        - [Tian et al., 2020](https://arxiv.org/abs/1910.10699)
    """

    source = "Tian et al., Contrastive Representation Distillation, ICLR 2020"
    terms = ("distillation_loss", "contrastive_loss")
    players = ("student", "heads")
    trained_with_student = ("student", "heads")

    def __init__(
        self,
        *,
        weight=BaselineTerms.crd_weight,
        negatives=BaselineTerms.crd_negatives,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not self.num_images or self.num_images < 2:
            raise RequestError(
                "`num_images` is needed: every OOD image is remembered. Expected at least 2. "
                f"Received: {self.num_images}"
            )
        self.weight = weight
        self.negatives = min(negatives, self.num_images - 1)
        shapes = [single_shape(taps) for taps in (self.student_capture, self.teacher_capture)]
        self.heads = build_embeddings(*shapes, policy(self.student_capture))
        self.student_bank = self._bank("student_bank")
        self.teacher_bank = self._bank("teacher_bank")
        # Of the student's scores and the teacher's; measured in the very first update.
        self.log_normalizers = self.add_weight(
            name="log_normalizers", shape=(2,), initializer="zeros", trainable=False
        )

    @classmethod
    def options(cls, config):
        """See `Distiller.options`."""
        return super().options(config) | {
            "weight": config.baselines.crd_weight,
            "negatives": config.baselines.crd_negatives,
        }

    def state(self):
        """See `Distiller.state`; the memory with it."""
        return super().state() | {
            "student_bank": self.student_bank,
            "teacher_bank": self.teacher_bank,
            "log_normalizers": self.log_normalizers,
        }

    def context(self, batch, k):
        """Which image each one is, and the number of the update."""
        return {"index": tf.cast(batch["index"][:, k], "int32"), "k": k}

    def student_loss(self, teacher, student, index, k):
        """Plain distillation, and both sides of the contrastive term; then remembers."""
        distillation = super().student_loss(teacher, student)
        heads = self.heads([*student.features, *teacher.features], training=True)
        embeddings = [_unit_length(head) for head in heads]
        scores = self._scores(embeddings, self._candidates(index, k))
        self._measure_normalizers(scores, k)
        contrastive = sum(
            losses.noise_contrastive_loss(side, self.log_normalizers[i], self.num_images)
            for i, side in enumerate(scores)
        )
        for bank, seen in zip((self.student_bank, self.teacher_bank), embeddings, strict=True):
            remember(bank, index, tf.stop_gradient(seen))
        self.report(contrastive_loss=contrastive)
        return distillation + self.weight * contrastive

    def _candidates(self, index, k):
        """`(batch, 1 + negatives)`: each image itself, then random other ones."""
        shape = (tf.shape(index)[0], self.negatives)
        bits = random_bits(shape, self.stateless_seed(k))
        others = tf.cast(bits % tf.constant(self.num_images - 1, "uint32"), "int32")
        others += tf.cast(others >= index[:, tf.newaxis], "int32")
        return tf.concat([index[:, tf.newaxis], others], axis=1)

    def _scores(self, embeddings, candidates):
        """Cosines over the temperature with what the other side remembers of the candidates."""
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
        self.log_normalizers.assign(
            tf.where(self.rounds_played == 0, tf.stop_gradient(measured), self.log_normalizers)
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
    """A linear embedding of the student's features and one of the teacher's.

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


def single_shape(taps):
    """The shape of what passes the one watched layer.

    Raises:
        RequestError: when more than one layer is watched.
    """
    if len(taps.layers) != 1:
        raise RequestError(
            "The method compares one layer of each network. Expected one --teacher_layers and one "
            f"--student_layers. Received: {len(taps.layers)}"
        )
    return watched_shapes(taps)[0]


def remember(bank, index, embeddings):
    """Moves the rows of a bank half of the way to new embeddings, at length 1.

    An image that is more than once in the batch counts by its mean, in any order the same.

    Args:
        bank: variable `(num_images, size)`.
        index: int32 `(batch,)`.
        embeddings: float32 `(batch, size)`.
    """
    same = tf.cast(index[:, tf.newaxis] == index, "float32")
    means = tf.matmul(same, embeddings) / tf.reduce_sum(same, axis=1, keepdims=True)
    before = tf.gather(tf.convert_to_tensor(bank), index)
    rows = _unit_length(MOMENTUM * before + (1 - MOMENTUM) * means)
    rows = tf.gather(rows, tf.argmax(same, axis=1))  # the first one's, to the last bit
    bank.assign(tf.tensor_scatter_nd_update(bank, index[:, tf.newaxis], rows))


def _unit_length(vectors):
    return tf.math.l2_normalize(tf.cast(vectors, "float32"), axis=-1)
