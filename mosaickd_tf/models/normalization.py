"""Batch normalization as one fused operation, for training."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`BatchNormalization` with the same weights and arguments, computed by `FusedBatchNormV3`.

    Keras computes it in float32 by separate operations. The fused one reads and writes the
    network's compute dtype, keeps its statistics in float32, and updates the moving variance
    with the unbiased one, as PyTorch does. Cases that the operation does not support (an axis
    other than the last of four, no scale or no offset, masks, renormalization, synchronization)
    use Keras's implementation.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalizes by the statistics of the batch in training, else by the moving ones."""
        if not self._can_fuse(inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        in_training = bool(training and self.trainable)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=[] if in_training else self.moving_mean,
            variance=[] if in_training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=in_training,
        )
        if in_training:
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        return outputs

    def _can_fuse(self, inputs, mask):
        return (
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and mask is None
            and not getattr(self, "renorm", False)
            and not self.synchronized
        )

    def _move(self, statistic, batch_value):
        statistic.assign(statistic * self.momentum + batch_value * (1.0 - self.momentum))
