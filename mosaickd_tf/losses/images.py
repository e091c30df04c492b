"""Losses on synthetic images and on their batch statistics, pure functions in float32.

Equations are those of Yin et al., 2020,
["Dreaming to Distill"](https://arxiv.org/abs/1912.08795).
"""

from keras import ops

from mosaickd_tf.losses._ops import float32, total


def total_variation_loss(unit_images):
    """Computes `R_TV`, the total variation of a batch of images.

    The sum, over the neighbors to the right, below and along both diagonals, of the L2 norm of
    all differences of the batch.

    Args:
        unit_images: `(batch, height, width, channels)`.

    Returns:
        Float32 scalar, at least 0, in units of the images; grows with the root of the batch.
    """
    x = float32(unit_images)
    return total(
        (
            _norm(x[:, :, :-1] - x[:, :, 1:]),
            _norm(x[:, :-1] - x[:, 1:]),
            _norm(x[:, 1:, :-1] - x[:, :-1, 1:]),
            _norm(x[:, :-1, :-1] - x[:, 1:, 1:]),
        )
    )


def image_norm_loss(unit_images):
    """Computes `R_l2`: the L2 norm of all pixels of the batch.

    Args:
        unit_images: `(batch, height, width, channels)`.

    Returns:
        Float32 scalar, at least 0, in units of the images; grows with the root of the batch.
    """
    return _norm(float32(unit_images))


def statistics_loss(features, moving_mean, moving_variance):
    """Computes `R_feature` of one batch normalization: batch against moving statistics.

    `‖mean(features) − moving_mean‖₂ + ‖variance(features) − moving_variance‖₂`, with the
    biased variance over all axes but the last.

    Args:
        features: inputs of the normalization layer, `(batch, ..., channels)`.
        moving_mean: `(channels,)`.
        moving_variance: `(channels,)`.

    Returns:
        Float32 scalar, at least 0, the sum of both norms.
    """
    mean, variance = _moments(float32(features))
    norms = _norm(mean - float32(moving_mean)), _norm(variance - float32(moving_variance))
    return total(norms)


def statistics_divergence(features, moving_mean, moving_variance, epsilon=1e-3):
    """Computes the divergence of a batch's statistics from those of one batch normalization.

    `KL(N(mean, variance + ε) ‖ N(moving_mean, moving_variance + ε))`, averaged over channels. It
    does not change with the scale of a channel, so that no layer outweighs the others.

    Args:
        features: inputs of the normalization layer, `(batch, ..., channels)`.
        moving_mean: `(channels,)`.
        moving_variance: `(channels,)`.
        epsilon: positive, added to both variances; that of the layer.

    Returns:
        Float32 scalar, at least 0, in nats.

    Reference:
        - [Choi et al., 2020](https://arxiv.org/abs/2005.04136), which sums over channels
    """
    mean, variance = _moments(float32(features))
    variance, moving_variance = variance + epsilon, float32(moving_variance) + epsilon
    distance = ops.square(mean - float32(moving_mean)) / moving_variance
    ratio = variance / moving_variance
    return 0.5 * ops.mean(distance + ratio - 1.0 - ops.log(ratio))


def _moments(features):
    """Returns the mean and the biased variance of each channel, the last axis."""
    axes = tuple(range(len(features.shape) - 1))
    mean = ops.mean(features, axis=axes)
    return mean, ops.mean(ops.square(features - mean), axis=axes)


def _norm(differences):
    # The root has no finite gradient at zero; with a norm of zero the gradient is 0.
    return ops.sqrt(ops.maximum(ops.sum(ops.square(differences)), 1e-24))
