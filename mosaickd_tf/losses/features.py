"""Terms on features, pure functions in float32."""

from keras import ops


def hint_loss(hints, guided):
    """How far the student's regressed features are from the teacher's: mean squared difference.

    The paper (Eq. 3) has half of the sum; the published weight of 100 is of the mean.

    Args:
        hints: the teacher's features `(batch, ...)`.
        guided: what the regressor makes of the student's, of the same shape.

    Returns:
        Float32 scalar, at least 0, in squared units of the features.

    Reference:
        - [Romero et al., 2015](https://arxiv.org/abs/1412.6550)
    """
    return ops.mean(ops.square(_float32(hints) - _float32(guided)))


def distance_loss(teacher_features, student_features):
    """`L_RKD-D`: do images lie as far apart for the student as for the teacher?

    Huber of the difference of the distances, each side's divided by the mean of its
    distances that are not zero. The mean over all pairs of the batch, where the paper sums.

    Args:
        teacher_features: `(batch, size)`.
        student_features: `(batch, another size)`.

    Returns:
        Float32 scalar, at least 0, without unit.

    Reference:
        - [Park et al., 2019](https://arxiv.org/abs/1904.05068)
    """
    return _huber(_relative_distances(teacher_features) - _relative_distances(student_features))


def angle_loss(teacher_features, student_features):
    """`L_RKD-A`: does each image see any two others under the same angle?

    Huber of the difference of the cosines, the mean over all triplets of the batch, where the
    paper sums. It takes memory for batch³ numbers.

    Args:
        teacher_features: `(batch, size)`.
        student_features: `(batch, another size)`.

    Returns:
        Float32 scalar, at least 0, without unit.

    Reference:
        - [Park et al., 2019](https://arxiv.org/abs/1904.05068)
    """
    return _huber(_cosines(teacher_features) - _cosines(student_features))


def _relative_distances(features):
    """`(batch, batch)` distances, of mean 1 over those that are not zero."""
    _, distances = _differences(features)
    apart = ops.cast(distances > 0, "float32")
    mean = ops.sum(distances) / ops.maximum(ops.sum(apart), 1.0)
    return distances / ops.where(mean > 0, mean, 1.0)


def _cosines(features):
    """`(batch, batch, batch)`: at [i, j, k] the cosine of the angle at i between j and k."""
    differences, distances = _differences(features)
    directions = differences / ops.where(distances > 0, distances, 1.0)[..., None]
    return ops.matmul(directions, ops.swapaxes(directions, 1, 2))


def _differences(features):
    """Differences `(batch, batch, size)` from row to column, and their lengths."""
    features = _float32(features)
    differences = features[None] - features[:, None]
    squares = ops.sum(ops.square(differences), axis=-1)
    # The root of zero has no finite slope; equal features have the distance 0 and the slope 0.
    lengths = ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1.0)), 0.0)
    return differences, lengths


def _huber(errors):
    """The mean of `error² / 2` up to 1 and of `|error| − 1/2` beyond."""
    sizes = ops.abs(errors)
    return ops.mean(ops.where(sizes < 1.0, 0.5 * ops.square(errors), sizes - 0.5))


def _float32(features):
    return ops.cast(features, "float32")
