"""Terms on synthetic images and on the statistics that they leave, pure functions in float32.

Equations are those of Yin et al., 2020,
["Dreaming to Distill"](https://arxiv.org/abs/1912.08795).
"""

from keras import ops


def total_variation_loss(unit_images):
    """`R_TV`: how much neighboring pixels differ.

    The sum, over the neighbors to the right, below and along both diagonals, of the L2 norm of
    all differences of the batch.

    Args:
        unit_images: `(batch, height, width, channels)`.

    Returns:
        Float32 scalar, at least 0, in units of the images; it grows with the root of the batch.
    """
    x = _float32(unit_images)
    return (
        _norm(x[:, :, :-1] - x[:, :, 1:])
        + _norm(x[:, :-1] - x[:, 1:])
        + _norm(x[:, 1:, :-1] - x[:, :-1, 1:])
        + _norm(x[:, :-1, :-1] - x[:, 1:, 1:])
    )


def image_norm_loss(unit_images):
    """`R_l2`: the L2 norm of all pixels of the batch.

    Args:
        unit_images: `(batch, height, width, channels)`.

    Returns:
        Float32 scalar, at least 0, in units of the images; it grows with the root of the batch.
    """
    return _norm(_float32(unit_images))


def statistics_loss(features, moving_mean, moving_variance):
    """`R_feature` of one normalisation: how far a batch is from what the teacher remembers.

    `‖mean(features) − moving_mean‖₂ + ‖variance(features) − moving_variance‖₂`, with the
    biased variance over all axes but the last.

    Args:
        features: what the normalisation takes in, `(batch, ..., channels)`.
        moving_mean: `(channels,)`.
        moving_variance: `(channels,)`.

    Returns:
        Float32 scalar, at least 0.
    """
    features = _float32(features)
    axes = tuple(range(len(features.shape) - 1))
    mean = ops.mean(features, axis=axes)
    variance = ops.mean(ops.square(features - mean), axis=axes)
    return _norm(mean - _float32(moving_mean)) + _norm(variance - _float32(moving_variance))


def _norm(differences):
    # The root has no finite slope at zero; where there is nothing to lower, the slope is 0.
    return ops.sqrt(ops.maximum(ops.sum(ops.square(differences)), 1e-24))


def _float32(tensor):
    return ops.cast(tensor, "float32")
