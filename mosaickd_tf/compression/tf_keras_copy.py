"""Copies of a student in tf_keras, which tensorflow-model-optimization works on.

The toolkit quantizes a batch normalization only right behind a convolution. A folded copy has
none; an unfolded one keeps them, for training that needs them.
"""

import keras
import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.folding import folded_copy
from mosaickd_tf.models.graph.nodes import UNIT_IMAGES

TOLERANCE = 1e-5  # of the greatest logit, in float32


def to_tf_keras(student, images, copy=folded_copy):
    """Copies a student to tf_keras and verifies that its logits are the same.

    Args:
        student: Keras 3 model from unit images to logits.
        images: uint8 `(n, height, width, channels)` on which both are compared.
        copy: `folded_copy` or `unfolded_copy`, without or with batch normalization.

    Returns:
        A functional tf_keras model from float images in [0, 255] to logits, its layers named
        after the student's.

    Raises:
        RequestError: for a layer that cannot be copied, or a copy whose logits differ by more
            than `TOLERANCE`.
    """
    model = copy(student, tf_keras_module())
    expected = evaluation.predict_logits(student, images)
    received = np.asarray(model.predict(images.astype("float32"), verbose=0))
    difference = np.max(np.abs(received - expected)) / np.max(np.abs(expected))
    if not difference <= TOLERANCE:
        raise RequestError(
            f"The student {student.name!r} cannot be copied to tf_keras. Expected logits within "
            f"{TOLERANCE:g} of the greatest. Received: {difference:.1e}"
        )
    return model


def from_tf_keras(tf_keras_model, student, copy=folded_copy):
    """Copies a tf_keras model back to Keras 3.

    Args:
        tf_keras_model: a model with the layers of `to_tf_keras(student, ..., copy)`.
        student: the Keras 3 model that it was copied from.
        copy: see `to_tf_keras`.

    Returns:
        A Keras 3 model of built-in layers from unit images to the same logits.
    """
    model = copy(student, keras)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(tf_keras_model.get_layer(layer.name).get_weights())
    scale, offset = model.get_layer(UNIT_IMAGES).get_weights()
    model.get_layer(UNIT_IMAGES).set_weights([scale * 255, offset])  # it takes unit images now
    return model
