"""Losses on features, pure functions in float32."""

from keras import ops

from mosaickd_tf.losses._ops import float32


def hint_loss(hints, guided):
    """Computes the mean squared error of the student's regressed features to the teacher's.

    The paper (Eq. 3) has half of the sum; the published weight of 100 applies to the mean.

    Args:
        hints: the teacher's features, `(batch, ...)`.
        guided: the student's features after the regressor, of the same shape.

    Returns:
        Float32 scalar, at least 0, in squared units of the features.

    Reference:
        - [Romero et al., 2015](https://arxiv.org/abs/1412.6550)
    """
    return ops.mean(ops.square(float32(hints) - float32(guided)))


def distance_loss(teacher_features, student_features):
    """Computes `L_RKD-D`: the Huber loss between the pairwise distances of both networks.

    Distances are divided by the mean of their network's nonzero distances. The mean over all
    pairs of the batch, where the paper sums.

    Args:
        teacher_features: `(batch, size)`.
        student_features: `(batch, other_size)`.

    Returns:
        Float32 scalar, at least 0, dimensionless.

    Reference:
        - [Park et al., 2019](https://arxiv.org/abs/1904.05068)
    """
    return _huber(_relative_distances(teacher_features) - _relative_distances(student_features))


def angle_loss(teacher_features, student_features):
    """Computes `L_RKD-A`: the Huber loss between the cosines of all triplets of images.

    The mean over all triplets of the batch, where the paper sums. It takes memory for batch³
    numbers.

    Args:
        teacher_features: `(batch, size)`.
        student_features: `(batch, other_size)`.

    Returns:
        Float32 scalar, at least 0, dimensionless.

    Reference:
        - [Park et al., 2019](https://arxiv.org/abs/1904.05068)
    """
    return _huber(_cosines(teacher_features) - _cosines(student_features))


def _relative_distances(features):
    """Returns `(batch, batch)` distances, scaled to a mean of 1 over the nonzero ones."""
    _, distances = _differences(features)
    nonzero = ops.cast(distances > 0, "float32")
    mean = ops.sum(distances) / ops.maximum(ops.sum(nonzero), 1.0)
    return distances / ops.where(mean > 0, mean, 1.0)


def _cosines(features):
    """Returns `(batch, batch, batch)`: at [i, j, k] the cosine of the angle at i of j and k."""
    differences, distances = _differences(features)
    directions = differences / ops.where(distances > 0, distances, 1.0)[..., None]
    return ops.matmul(directions, ops.swapaxes(directions, 1, 2))


def _differences(features):
    """Returns the differences `(batch, batch, size)` from row to column, and their lengths."""
    features = float32(features)
    differences = features[None] - features[:, None]
    squares = ops.sum(ops.square(differences), axis=-1)
    # The root has no finite gradient at zero; equal features get distance 0 and gradient 0.
    lengths = ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1.0)), 0.0)
    return differences, lengths


def _huber(errors):
    """Computes the mean Huber loss: `error² / 2` up to 1, `|error| − 1/2` beyond."""
    sizes = ops.abs(errors)
    return ops.mean(ops.where(sizes < 1.0, 0.5 * ops.square(errors), sizes - 0.5))
