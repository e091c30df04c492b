"""One function a format; each writes its file whole or not at all."""

import contextlib
import io
import re

import keras
import tensorflow as tf

from mosaickd_tf import files, models
from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export.serving import serving_model


def save_student(student, path):
    """Writes the student alone: float32, built-in layers, trainable, loads without this package.

    Args:
        student: Keras model from unit images to logits.
        path: a .keras file.
    """
    with files.whole(path) as partial:
        models.portable_copy(student).save(partial)


def save_serving(student, path, outputs="probabilities"):
    """Writes the serving model as a .keras file; see `serving_model`."""
    with files.whole(path) as partial:
        serving_model(student, outputs).save(partial)


def save_saved_model(student, path, outputs="probabilities"):
    """Writes the serving model as a SavedModel folder.

    Its signature `serving_default` takes `images`, uint8 `(batch, height, width, channels)`,
    and returns a dict with one entry named after `outputs`.
    """
    model = serving_model(student, outputs)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        name="serving_default",
        fn=lambda images: {outputs: model(images, training=False)},
        input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name="images")],
    )
    with files.whole(path) as partial:
        archive.write_out(str(partial), verbose=False)


def save_tflite(student, path, outputs="probabilities"):
    """Writes the serving model as a float32 .tflite file for one image a call.

    Args:
        student: Keras model from unit images to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".

    Raises:
        RequestError: when the student needs operations that LiteRT does not have built in.
        RunError: when the converter fails otherwise.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(
        serving_model(student, outputs, batch_size=1)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras prints the whole signature
            content = converter.convert()
    except Exception as error:  # the converter's own exception types are not public
        raise _refusal(student, str(error)) from error
    with files.whole(path) as partial:
        partial.write_bytes(content)


def _refusal(student, message):
    needed = sorted(
        set(re.findall(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op", message))
    )
    if needed:
        return RequestError(
            f"The student {student.name!r} cannot become a .tflite file. Expected operations "
            f"that LiteRT has built in. Received: {', '.join(needed)}. Replace those layers"
        )
    return RunError(f"The .tflite conversion failed: {message.strip().splitlines()[0]}")
