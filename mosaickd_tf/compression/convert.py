"""Conversion of tf_keras models, wrapped or not, to .tflite files of one uint8 image a call."""

import pathlib
import warnings

import numpy as np
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.errors import RunError
from mosaickd_tf.export import operations, tflite
from mosaickd_tf.utils import files

TOLERANCE = 1e-4  # of outputs of a float file


def save(model, path, outputs="probabilities", *, task, integer=False):
    """Writes a tf_keras model as a .tflite file.

    Args:
        model: from float images in [0, 255] to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".
        task: a `Task`.
        integer: whether the model is one of `quantization_aware` and the file computes in int8
            from uint8 images to uint8 outputs.
    """
    finish = task.probabilities if outputs == "probabilities" else tf.identity
    # In an integer file the converter itself passes the uint8 images to the model.
    kind = "float32" if integer else "uint8"
    converter = tflite.make_converter(model, outputs, kind, finish)
    if integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")  # the model has them
        content = converter.convert()
    with files.atomic_write(path) as partial:
        partial.write_bytes(content)
        if integer:
            operations.forget_names(partial)


def verify_conversion(model, path, images, outputs="probabilities", *, task, integer=False):
    """Raises `RunError` unless a file has the outputs of its model.

    An integer file rounds where its model only simulates rounding, and may differ by one
    quantization step in some layers: the mean error has to be within one step of the outputs.

    Args:
        model: see `save`.
        path: see `save`.
        images: uint8 `(n, height, width, channels)`.
        outputs: see `save`.
        task: see `save`.
        integer: see `save`.
    """
    file = evaluation.TfliteModel(path)
    expected = model(images.astype("float32"), training=False)
    if outputs == "probabilities":
        expected = task.probabilities(expected)
    errors = np.abs(file.predict(images) - expected)
    tolerance = TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
    error, limit = (np.mean(errors), file.scale) if integer else (np.max(errors), tolerance)
    if not error <= limit:
        raise RunError(
            f"The file {pathlib.Path(path).name!r} differs from the model that was trained. "
            f"Expected outputs within {limit:.2g}. Received: {error:.2g}"
        )
