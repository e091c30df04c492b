"""Serving model: from uint8 images to probabilities or logits."""

import keras

from mosaickd_tf import models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.folding import folded_copy
from mosaickd_tf.tasks import TASKS


def serving_model(
    student,
    outputs="probabilities",
    batch_size=None,
    dtype="uint8",
    fold=False,
    task=TASKS["single_label"],
):
    """Wraps a student so that it takes images as they are stored, without preprocessing.

    Args:
        student: Keras model from unit images to logits.
        outputs: "probabilities" or "logits".
        batch_size: fixed number of images of a call, or None for any.
        dtype: of the images, which are in [0, 255] also when it is "float32".
        fold: whether normalizations are folded, where all of the student's layers allow it.
        task: `Task` of the student, which defines the probabilities.

    Returns:
        A float32 Keras model of built-in layers from images `(batch, height, width, channels)`,
        named `images`, to `(batch, num_classes)`, named after `outputs`.
    """
    images = keras.Input(student.input_shape[1:], batch_size=batch_size, dtype=dtype, name="images")
    folded = _folded(student) if fold else None
    if folded:
        logits = folded(images)
    else:
        unit_images = keras.layers.Rescaling(1 / 255, name="unit_images")(images)
        logits = models.portable_copy(student)(unit_images)
    if outputs == "probabilities":
        result = task.probability_layer(outputs)(logits)
    else:
        result = keras.layers.Activation("linear", name=outputs)(logits)
    return keras.Model(images, result, name="serving")


def _folded(student):
    try:
        return folded_copy(student, keras)
    except RequestError:
        return None
