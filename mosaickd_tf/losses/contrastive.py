"""Terms that tell images from other images, pure functions in log space and float32."""

import math

from keras import ops

from mosaickd_tf.losses.logits import divergences


def noise_contrastive_loss(scores, log_normalizer, num_images):
    """One side of `L_critic`: tell the same image from `N` other ones.

    `−log h(same) − Σ log(1 − h(other))` with `h = e^s / (e^s + N / M)`, where
    `s = score − log_normalizer` and M the number of images: N others, drawn evenly, against
    one that is the same.

    Args:
        scores: `(batch, 1 + N)` cosines over a temperature, of the same image first.
        log_normalizer: scalar; makes `e^s` a probability over the images.
        num_images: M.

    Returns:
        Float32 scalar, at least 0, in nats, a sum over others and a mean over images.

    Reference:
        - [Tian et al., 2020](https://arxiv.org/abs/1910.10699)
    """
    others = scores.shape[-1] - 1
    logits = _float32(scores) - log_normalizer - math.log(others / num_images)
    same, other = ops.softplus(-logits[:, 0]), ops.softplus(logits[:, 1:])
    return ops.mean(same + ops.sum(other, axis=-1))


def similarities(views, anchors):
    """Cosines between the vectors of views and those of plain images.

    Args:
        views: `(n, size)`.
        anchors: `(batch, size)`.

    Returns:
        Float32 `(n, batch)` in [-1, 1].
    """
    return ops.matmul(_directions(views), ops.transpose(_directions(anchors)))


def matching_loss(view_similarities, owners):
    """Find the image that a view was made of: cross-entropy over the images of the batch.

    Args:
        view_similarities: `(n, batch)`, used as logits.
        owners: int `(n,)`; which image each view was made of.

    Returns:
        Float32 scalar, at least 0, in nats, averaged over views.

    Reference:
        - [Xu et al., 2020](https://arxiv.org/abs/2006.07114)
    """
    log_probs = ops.log_softmax(_float32(view_similarities), axis=-1)
    batch_size = ops.shape(log_probs)[-1]
    return -ops.mean(ops.sum(ops.one_hot(owners, batch_size) * log_probs, axis=-1))


def ranked_distillation_loss(teacher_logits, student_logits, targets, share, temperature):
    """Distillation on rows where the teacher is right, and on some where it is wrong.

    Of the rows where the teacher prefers another column to the target, only a share is
    kept, the least wrong first: those where the target ranks highest.

    Args:
        teacher_logits: `(n, columns)`.
        student_logits: `(n, columns)`.
        targets: int `(n,)`; the right column of each row.
        share: in [0, 1], of the wrong rows; rounded down to a whole number of rows.
        temperature: as of `distillation_loss`.

    Returns:
        Float32 scalar, at least 0, in nats, averaged over the rows that are kept.

    Reference:
        - [Xu et al., 2020](https://arxiv.org/abs/2006.07114)
    """
    kept = selected(target_ranks(teacher_logits, targets), share)
    values = divergences(teacher_logits, student_logits, temperature)
    return ops.sum(kept * values) / ops.maximum(ops.sum(kept), 1.0)


def target_ranks(logits, targets):
    """How many columns of each row `(n, columns)` exceed the target's: int32 `(n,)`."""
    of_target = ops.take_along_axis(logits, ops.cast(targets, "int32")[:, None], axis=-1)
    return ops.sum(ops.cast(logits > of_target, "int32"), axis=-1)


def selected(ranks, share):
    """Which rows are kept, 1 or 0: all of rank 0, and of the others the share of lowest rank.

    Args:
        ranks: int `(n,)`, at least 0; of equal ones the earlier is kept first.
        share: in [0, 1].

    Returns:
        Float32 `(n,)`.
    """
    count = ops.shape(ranks)[0]
    order = ops.argsort(ops.cast(ranks, "int32") * count + ops.arange(count, dtype="int32"))
    places = ops.argsort(order)
    wrong = ops.sum(ops.cast(ranks > 0, "int32"))
    # 1e-4: so that 0.7 of 10 are 7 in float32 too.
    kept = count - wrong + ops.cast(ops.floor(share * ops.cast(wrong, "float32") + 1e-4), "int32")
    return ops.cast(places < kept, "float32")


def _directions(vectors):
    """Vectors of length 1; of none, the zero vector."""
    vectors = _float32(vectors)
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, 1e-12))


def _float32(values):
    return ops.cast(values, "float32")
