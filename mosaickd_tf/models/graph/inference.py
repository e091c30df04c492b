"""Copy of a classifier for inference only, as a round runs its teacher."""

import functools
import logging

import keras
import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.copies import portable_copy
from mosaickd_tf.models.graph.folding import fold
from mosaickd_tf.models.graph.nodes import build_model
from mosaickd_tf.models.graph.reading import read_nodes
from mosaickd_tf.models.normalization import FusedBatchNormalization

logger = logging.getLogger(__name__)

TOLERANCE = 1e-4  # of the root mean square of the logits, in float32
_MAX_ERROR_RATIO = 2.0  # error of a low-precision copy to that of the model, both to float32
_NUM_IMAGES = 8  # of noise, for the comparison


def inference_copy(model):
    """Copies a classifier for inference: normalizations folded, weights in the compute dtype.

    Normalizations become part of the convolutions before them. Weights that are not trained
    need no float32 copy beside the one that the layers compute with. Gradients flow through the
    copy to the images. The copy does not follow later changes of the model's weights.

    Args:
        model: a built Keras model from unit images to logits, in any precision.

    Returns:
        A model of the same logits, to rounding, with no trainable weights; the model itself,
        with a log line, if it has an unsupported layer or the copy's logits differ.
    """
    try:
        exact = portable_copy(model)
        nodes = fold(read_nodes(model, max_pixel=1.0))
    except RequestError as error:
        _say_not_optimized(model.name, str(error))
        return model
    copy = build_model(nodes, keras, model.name, _fused_affine, keep_dtypes=True)
    copy.trainable = False
    copy.is_inference_copy = True
    if _same_logits(copy, model, exact):
        return copy
    _say_not_optimized(model.name, "its optimized copy returns other logits")
    return model


@functools.cache  # once in a process: each method of a run asks for a copy, on trial too
def _say_not_optimized(name, reason):
    logger.info("Model %r is not optimized for inference: %s", name, reason)


def is_inference_copy(model):
    """Checks whether `inference_copy` folded a model."""
    return getattr(model, "is_inference_copy", False)


def _fused_affine(node, tensor):
    """Builds scale and offset as one fused operation that computes and stores them in float32."""
    dtype = node.dtype if node.dtype == "float32" else f"mixed_{node.dtype}"
    layer = FusedBatchNormalization(epsilon=0.0, name=node.name, dtype=dtype)
    scale, offset = node.weights
    weights = [scale, offset, np.zeros_like(scale), np.ones_like(scale)]
    return layer, weights, layer(tensor)


def _same_logits(copy, model, exact):
    """Tells whether the copy is about as close to the float32 logits of noise as the model is."""
    shape = [side or 32 for side in model.input_shape[1:]]
    images = np.random.RandomState(0).uniform(size=(_NUM_IMAGES, *shape)).astype("float32")
    expected, original, received = (
        keras.ops.convert_to_numpy(network(images, training=False)).astype("float64")
        for network in (exact, model, copy)
    )
    if received.shape != expected.shape:
        return False
    allowed = max(
        TOLERANCE * _root_mean_square(expected),
        _MAX_ERROR_RATIO * _root_mean_square(original - expected),
    )
    return bool(_root_mean_square(received - expected) <= allowed)


def _root_mean_square(logits):
    return np.sqrt(np.mean(np.square(logits)))
