"""Keras and SavedModel files; each is written completely or not at all."""

import keras
import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.export.serving import serving_model
from mosaickd_tf.tasks import TASKS
from mosaickd_tf.utils import files


def save_student(student, path):
    """Writes the student alone: float32, built-in layers, trainable, loads without this package.

    Args:
        student: Keras model from unit images to logits.
        path: a .keras file.
    """
    with files.atomic_write(path) as partial:
        models.portable_copy(student).save(partial)


def save_serving(student, path, outputs="probabilities", task=TASKS["single_label"]):
    """Writes the serving model as a .keras file; see `serving_model`."""
    with files.atomic_write(path) as partial:
        serving_model(student, outputs, task=task).save(partial)


def save_saved_model(student, path, outputs="probabilities", task=TASKS["single_label"]):
    """Writes the serving model as a SavedModel folder.

    Its signature `serving_default` takes `images`, uint8 `(batch, height, width, channels)`,
    and returns a dict with one entry named after `outputs`.
    """
    model = serving_model(student, outputs, task=task)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        name="serving_default",
        fn=lambda images: {outputs: model(images, training=False)},
        input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name="images")],
    )
    with files.atomic_write(path) as partial:
        archive.write_out(str(partial), verbose=False)
