"""The teacher as the rounds ask it: nothing left in it that only training needs."""

import logging

import keras
import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.copies import portable_copy
from mosaickd_tf.models.graph.folding import fold
from mosaickd_tf.models.graph.nodes import build, read_nodes
from mosaickd_tf.models.normalization import FusedBatchNormalization

logger = logging.getLogger(__name__)

TOLERANCE = 1e-4  # of the root mean square of the logits, in float32
_FURTHER = 2.0  # times as far from float32 as the model itself may a copy in low precision be
_COMPARED = 8  # images


def inference_copy(model):
    """A copy of a classifier that is only asked: folded, its weights in the precision of use.

    Normalisations become part of the convolutions before them, and what nobody trains keeps no
    float32 weights beside those it computes with. Gradients go through it to the images.

    Args:
        model: a built Keras model from unit images to logits, in any precision.

    Returns:
        A model of the same logits, to rounding; the model itself where it has layers that
        cannot be carried over or where the copy gives other logits.
    """
    try:
        exact = portable_copy(model)
        nodes = fold(read_nodes(model, max_pixel=1.0))
    except RequestError as error:
        logger.info("The model %r is asked as it is, not folded. %s", model.name, error)
        return model
    copy = build(nodes, keras, model.name, _normalization, precise=True)
    copy.trainable = False
    if _gives_the_same(copy, model, exact):
        return copy
    logger.info(
        "The model %r is asked as it is, not folded. A folded copy gives other logits", model.name
    )
    return model


def _normalization(node, tensor):
    """A scale and offset as one fused operation, which computes and keeps them in float32."""
    dtype = node.dtype if node.dtype == "float32" else f"mixed_{node.dtype}"
    layer = FusedBatchNormalization(epsilon=0.0, name=node.name, dtype=dtype)
    scale, offset = node.weights
    weights = [scale, offset, np.zeros_like(scale), np.ones_like(scale)]
    return layer, weights, layer(tensor)


def _gives_the_same(copy, model, exact):
    """Whether logits of noise are those of the model in float32, as far as its own are."""
    shape = [side or 32 for side in model.input_shape[1:]]
    images = np.random.RandomState(0).uniform(size=(_COMPARED, *shape)).astype("float32")
    wanted, asked, received = (
        keras.ops.convert_to_numpy(network(images, training=False)).astype("float64")
        for network in (exact, model, copy)
    )
    if received.shape != wanted.shape:
        return False
    allowed = max(TOLERANCE * _size(wanted), _FURTHER * _size(asked - wanted))
    return bool(_size(received - wanted) <= allowed)


def _size(logits):
    return np.sqrt(np.mean(np.square(logits)))
