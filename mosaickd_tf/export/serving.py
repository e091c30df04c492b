"""The model that leaves: uint8 images in, probabilities or logits out."""

import keras

from mosaickd_tf import models


def serving_model(student, outputs="probabilities", batch_size=None, dtype="uint8"):
    """Wraps a student so that whoever runs it needs to know nothing of its normalisation.

    Args:
        student: Keras model from unit images to logits.
        outputs: "probabilities" or "logits".
        batch_size: fixed number of images a call, or None for any.
        dtype: of the images, which are in [0, 255] also when it is "float32".

    Returns:
        A float32 Keras model of built-in layers from images `(batch, height, width, channels)`,
        named `images`, to `(batch, num_classes)`, named after `outputs`.
    """
    student = models.portable_copy(student)
    images = keras.Input(student.input_shape[1:], batch_size=batch_size, dtype=dtype, name="images")
    unit_images = keras.layers.Rescaling(1 / 255, name="unit_images")(images)
    logits = student(unit_images)
    if outputs == "probabilities":
        result = keras.layers.Softmax(name=outputs)(logits)
    else:
        result = keras.layers.Activation("linear", name=outputs)(logits)
    return keras.Model(images, result, name="serving")
