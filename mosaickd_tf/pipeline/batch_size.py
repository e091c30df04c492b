"""Batch that fits in memory, for a config that leaves it to the program."""

import logging

import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.config import with_options
from mosaickd_tf.config.distillation import PAPER_BATCH_SIZE
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline.build import build_networks
from mosaickd_tf.utils import machine, process

_ALWAYS_FITS = 32  # pixels a side
_MOST_BYTES = 16 * 2**30
_SHARE = 0.6  # of the memory that the process may use
# Measured with MobileNetV3-Small at 224 pixels and batches of 4 and 16; less is needed where the
# student is small beside its teacher and the generator.
_BYTES_AT_REST = 1.5 * 2**30  # TensorFlow, images, compiled functions and weights
_COPIES = 2.4  # of an activation: itself, its gradient and temporary ones

logger = logging.getLogger(__name__)


def with_batch_size(config, teacher, num_images=None):
    """Returns a config with a batch size: its own, or the largest power of two that fits.

    Args:
        config: a `DistillConfig`.
        teacher: Keras model from unit images to logits.
        num_images: number of OOD images, for methods that remember each.

    Raises:
        RequestError: when not even two images fit.
    """
    if config.optimization.batch_size:
        return config
    config = with_options(config, optimization={"batch_size": PAPER_BATCH_SIZE})
    if max(teacher.input_shape[1:3]) <= _ALWAYS_FITS:
        return config
    networks = build_networks(config, teacher, num_images)
    batch_size, limit = PAPER_BATCH_SIZE, _limit()
    while estimated_bytes(networks, teacher, batch_size) > limit:
        batch_size //= 2
        if batch_size < 2:
            raise RequestError(
                "The networks are too large for this machine. Expected at most "
                f"{gibibytes(limit)} of memory for two images. Received: about "
                f"{gibibytes(estimated_bytes(networks, teacher, 2))}. Lower `image_size`, take "
                "smaller networks, or set `batch_size` all the same"
            )
    logger.info(
        "batches of %d images, which take about %s of memory; `batch_size` sets another number",
        batch_size,
        gibibytes(estimated_bytes(networks, teacher, batch_size)),
    )
    return with_options(config, optimization={"batch_size": batch_size})


def estimated_bytes(networks, teacher, batch_size):
    """Estimates the peak memory of a training in bytes.

    Args:
        networks: `Networks`.
        teacher: Keras model from unit images to logits.
        batch_size: images in an update of any network.
    """
    numbers = sum(map(models.activations, (teacher, *networks.by_name.values())))
    policy = machine.resolve_precision(networks.run.precision)
    item = 2 if policy.startswith("mixed") else 8 if policy == "float64" else 4
    return int(_BYTES_AT_REST + _COPIES * item * batch_size * numbers)


def gibibytes(count):
    """Returns a number of bytes as text, in GiB."""
    return f"{count / 2**30:.1f} GiB"


def _limit():
    if tf.config.list_physical_devices("GPU"):
        return _MOST_BYTES
    return min(_MOST_BYTES, _SHARE * process.memory_limit())
