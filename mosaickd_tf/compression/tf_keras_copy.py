"""The student once more, as a model of tf_keras, which is what the toolkit compresses.

tensorflow-model-optimization quantises a batch normalisation only right behind a convolution. A
folded twin has none; an unfolded one keeps them, for training that needs them.
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
    """Carries a student over to tf_keras and checks that it is the same.

    Args:
        student: Keras 3 model from unit images to logits.
        images: uint8 `(n, height, width, channels)` on which both are compared.
        copy: `folded_copy` or `unfolded_copy`, without or with batch normalisations.

    Returns:
        A functional tf_keras model from float images in [0, 255] to logits, its layers named
        after the student's.

    Raises:
        RequestError: for a layer that cannot be carried over, or a twin whose logits differ by
            more than `TOLERANCE`.
    """
    twin = copy(student, tf_keras_module())
    expected = evaluation.predict_logits(student, images)
    received = np.asarray(twin.predict(images.astype("float32"), verbose=0))
    difference = np.max(np.abs(received - expected)) / np.max(np.abs(expected))
    if not difference <= TOLERANCE:
        raise RequestError(
            f"The student {student.name!r} cannot be carried over to tf_keras. Expected logits "
            f"within {TOLERANCE:g} of the greatest. Received: {difference:.1e}"
        )
    return twin


def from_tf_keras(twin, student, copy=folded_copy):
    """Brings a twin's weights back to Keras 3.

    Args:
        twin: a tf_keras model of the layers of `to_tf_keras(student, ..., copy)`.
        student: the Keras 3 model that it was made from.
        copy: as of `to_tf_keras`.

    Returns:
        A Keras 3 model of built-in layers from unit images to the twin's logits.
    """
    model = copy(student, keras)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(twin.get_layer(layer.name).get_weights())
    scale, offset = model.get_layer(UNIT_IMAGES).get_weights()
    model.get_layer(UNIT_IMAGES).set_weights([scale * 255, offset])  # it takes unit images now
    return model
