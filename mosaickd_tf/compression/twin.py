"""The student once more, as convolutions with bias and without normalisations.

What tensorflow-model-optimization compresses are models of tf_keras, and in them it quantises a
batch normalisation only right behind a convolution. The twin has none.
"""

import keras
import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.compression.legacy import legacy_keras
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.folding import folded_copy
from mosaickd_tf.models.steps import UNIT_IMAGES

TOLERANCE = 1e-5  # of the greatest logit, in float32


def folded_twin(student, images):
    """Carries a student over to tf_keras and checks that it stayed itself.

    Args:
        student: Keras 3 model from unit images to logits.
        images: uint8 `(n, height, width, channels)` on which both are compared.

    Returns:
        A functional tf_keras model from float images in [0, 255] to logits, its layers named
        after the student's.

    Raises:
        RequestError: for a layer that cannot be carried over, or a twin whose logits differ by
            more than `TOLERANCE`.
    """
    twin = folded_copy(student, legacy_keras())
    expected = evaluation.predict_logits(student, images)
    received = np.asarray(twin.predict(images.astype("float32"), verbose=0))
    difference = np.max(np.abs(received - expected)) / np.max(np.abs(expected))
    if not difference <= TOLERANCE:
        raise RequestError(
            f"The student {student.name!r} cannot be carried over to tf_keras. Expected logits "
            f"within {TOLERANCE:g} of the greatest. Received: {difference:.1e}"
        )
    return twin


def keras_twin(twin, student):
    """Brings a twin's weights back to Keras 3.

    Args:
        twin: a tf_keras model of the layers of `folded_twin(student, ...)`.
        student: the Keras 3 model that it was made from.

    Returns:
        A Keras 3 model of built-in layers from unit images to the twin's logits.
    """
    folded = folded_copy(student, keras)
    for layer in folded.layers:
        if layer.weights:
            layer.set_weights(twin.get_layer(layer.name).get_weights())
    scale, offset = folded.get_layer(UNIT_IMAGES).get_weights()
    folded.get_layer(UNIT_IMAGES).set_weights([scale * 255, offset])  # it takes unit images now
    return folded
