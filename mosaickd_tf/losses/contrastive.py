"""Contrastive losses, pure functions in log space and float32."""

import math

from keras import ops

from mosaickd_tf.losses._ops import float32
from mosaickd_tf.losses.logits import divergences


def noise_contrastive_loss(scores, log_normalizer, num_images):
    """Computes one side of `L_critic`: the same image against `N` negatives.

    `−log h(positive) − Σ log(1 − h(negative))` with `h = e^s / (e^s + N / M)`, where
    `s = score − log_normalizer` and M the number of images: N negatives, drawn uniformly,
    against one positive.

    Args:
        scores: `(batch, 1 + N)` cosines divided by a temperature, the positive first.
        log_normalizer: scalar; normalizes `e^s` to a probability over the images.
        num_images: M, the number of images of the data set.

    Returns:
        Float32 scalar, at least 0, in nats, summed over negatives and averaged over images.

    Reference:
        - [Tian et al., 2020](https://arxiv.org/abs/1910.10699)
    """
    num_negatives = scores.shape[-1] - 1
    logits = float32(scores) - log_normalizer - math.log(num_negatives / num_images)
    positive, negatives = ops.softplus(-logits[:, 0]), ops.softplus(logits[:, 1:])
    return ops.mean(positive + ops.sum(negatives, axis=-1))


def similarities(views, anchors):
    """Computes the cosines between the features of views and those of plain images.

    Args:
        views: `(n, size)`.
        anchors: `(batch, size)`.

    Returns:
        Float32 `(n, batch)` in [-1, 1].
    """
    return ops.matmul(_unit_vectors(views), ops.transpose(_unit_vectors(anchors)))


def matching_loss(view_similarities, owners):
    """Computes the cross-entropy of matching each view to its source image in the batch.

    Args:
        view_similarities: `(n, batch)`, used as logits.
        owners: int `(n,)`, the index of each view's source image.

    Returns:
        Float32 scalar, at least 0, in nats, averaged over views.

    Reference:
        - [Xu et al., 2020](https://arxiv.org/abs/2006.07114)
    """
    log_matches = ops.log_softmax(float32(view_similarities), axis=-1)
    batch_size = ops.shape(log_matches)[-1]
    return -ops.mean(ops.sum(ops.one_hot(owners, batch_size) * log_matches, axis=-1))


def ranked_distillation_loss(teacher_logits, student_logits, targets, share, temperature):
    """Computes the distillation loss on all correct rows of the teacher and some wrong ones.

    Of the rows where the teacher prefers another column to the target, only a share is
    kept, in the order of the target's rank, highest first.

    Args:
        teacher_logits: `(n, columns)`.
        student_logits: `(n, columns)`.
        targets: int `(n,)`, the correct column of each row.
        share: in [0, 1], of the wrong rows; rounded down to a whole number of rows.
        temperature: as of `distillation_loss`.

    Returns:
        Float32 scalar, at least 0, in nats, averaged over the kept rows.

    Reference:
        - [Xu et al., 2020](https://arxiv.org/abs/2006.07114)
    """
    kept = select_rows(target_ranks(teacher_logits, targets), share)
    values = divergences(teacher_logits, student_logits, temperature)
    return ops.sum(kept * values) / ops.maximum(ops.sum(kept), 1.0)


def target_ranks(logits, targets):
    """Counts the columns of each row `(n, columns)` that exceed the target's: int32 `(n,)`."""
    target_logits = ops.take_along_axis(logits, ops.cast(targets, "int32")[:, None], axis=-1)
    return ops.sum(ops.cast(logits > target_logits, "int32"), axis=-1)


def select_rows(ranks, share):
    """Selects all rows of rank 0 and, of the others, the share of lowest rank.

    Args:
        ranks: int `(n,)`, at least 0; among equal ranks the earlier row is kept first.
        share: in [0, 1].

    Returns:
        Float32 `(n,)`, 1 for a selected row, else 0.
    """
    count = ops.shape(ranks)[0]
    order = ops.argsort(ops.cast(ranks, "int32") * count + ops.arange(count, dtype="int32"))
    positions = ops.argsort(order)
    wrong = ops.sum(ops.cast(ranks > 0, "int32"))
    # 1e-4: 0.7 of 10 must be 7 in float32 too.
    kept = count - wrong + ops.cast(ops.floor(share * ops.cast(wrong, "float32") + 1e-4), "int32")
    return ops.cast(positions < kept, "float32")


def _unit_vectors(vectors):
    """Scales vectors to length 1; a zero vector stays zero."""
    vectors = float32(vectors)
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, 1e-12))
