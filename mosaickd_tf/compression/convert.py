"""From a twin, wrapped or not, to a .tflite file of one uint8 picture a call."""

import pathlib
import warnings

import numpy as np
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.errors import RunError
from mosaickd_tf.export import operations, tflite
from mosaickd_tf.utils import files

TOLERANCE = 1e-4  # of outputs of a float file


def save(model, path, outputs="probabilities", *, integer=False):
    """Writes a tf_keras twin as a .tflite file.

    Args:
        model: from float images in [0, 255] to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".
        integer: whether the model is one of `quantization_aware` and the file computes in int8
            from uint8 pictures to uint8 outputs.
    """
    finish = tf.nn.softmax if outputs == "probabilities" else tf.identity
    # As integers the images are given to the model by the converter itself.
    kind = "float32" if integer else "uint8"
    converter = tflite.converter(model, outputs, kind, finish)
    if integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")  # they are inside
        content = converter.convert()
    with files.atomic_write(path) as partial:
        partial.write_bytes(content)
        if integer:
            operations.forget_names(partial)


def check(model, path, images, outputs="probabilities", *, integer=False):
    """Raises `RunError` unless a file gives what its model gives.

    An integer file rounds where its model only plays at it, and may be off by one step of a
    layer here and there: on average an output has to be within one step of the file's.

    Args:
        model: as of `save`.
        path: as of `save`.
        images: uint8 `(n, height, width, channels)`.
        outputs: as of `save`.
        integer: as of `save`.
    """
    file = evaluation.TfliteModel(path)
    expected = model(images.astype("float32"), training=False)
    if outputs == "probabilities":
        expected = tf.nn.softmax(expected)
    apart = np.abs(file.predict(images) - expected)
    floor = TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
    worst, most = (np.mean(apart), file.scale) if integer else (np.max(apart), floor)
    if not worst <= most:
        raise RunError(
            f"The file {pathlib.Path(path).name!r} is not the model that was trained. Expected "
            f"outputs within {most:.2g}. Received: {worst:.2g}"
        )
