"""Files for LiteRT: float32, or fewer bits after training."""

import contextlib
import io
import re
import warnings

import numpy as np
import tensorflow as tf

from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import operations
from mosaickd_tf.export.serving import serving_model
from mosaickd_tf.utils import files

_OPS = tf.lite.OpsSet
# By how much the logits get more room than the images that calibrate take: a student is surer of
# the pictures that will come. Chosen by experiment, docs/export.md.
_ROOM_FOR_LOGITS = 1.5


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
    _write(_converter(student, outputs), student, path)


def save_tflite_float16(student, path, outputs="probabilities"):
    """Writes weights in float16; the runtime computes in float32. See `save_tflite`."""
    converter = _converter(student, outputs)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    _write(converter, student, path)


def save_tflite_dynamic(student, path, outputs="probabilities"):
    """Writes weights in int8; activations are quantised as they come. See `save_tflite`."""
    converter = _converter(student, outputs)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    _write(converter, student, path)


def save_tflite_int8(student, path, outputs="probabilities", *, calibration):
    """Writes an int8 file: uint8 images in, uint8 outputs, no operation in float.

    Args:
        student: Keras model from unit images to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".
        calibration: uint8 images `(n, height, width, channels)` that show how large
            activations are.

    Raises:
        RequestError: when the student has an operation without integer arithmetic.
        RunError: when the converter fails otherwise.
    """
    # Of a graph that takes uint8 the converter would keep the cast and the first layers in float.
    converter = _converter(student, outputs, dtype="float32", fold=True)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _one_by_one(
        _with_black_and_white(calibration).astype("float32")
    )
    converter.target_spec.supported_ops = [_OPS.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    _write(converter, student, path, in_float=())


def save_tflite_int16x8(student, path, outputs="probabilities", *, calibration):
    """Writes int8 weights under int16 activations; uint8 images in, float32 outputs.

    The bytes are cast to float and quantised to int16 at the entrance, and outputs brought back
    to float, since the converter gives such files no uint8 input. See `save_tflite_int8`.
    """
    converter = _converter(student, outputs, fold=True)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _one_by_one(calibration)
    converter.target_spec.supported_ops = [
        _OPS.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
        _OPS.TFLITE_BUILTINS,
    ]
    _write(converter, student, path, in_float=("CAST", "QUANTIZE", "DEQUANTIZE"))


def converter(model, outputs, dtype="uint8", finish=lambda values: values):
    """A converter from a model to a file of LiteRT's own operations, one image a call.

    The model is traced and not saved first, which takes half the time and gives the file the
    names of its input and output.

    Args:
        model: Keras model, of tf_keras too, from float32 images `(1, height, width, channels)`
            in [0, 255] to `(1, num_classes)`.
        outputs: what the output is called; the input is called `images`.
        dtype: of the file's images, which are cast.
        finish: what becomes of the model's outputs in the file.

    Returns:
        A `tf.lite.TFLiteConverter`.
    """
    signature = tf.TensorSpec((1, *model.input_shape[1:]), dtype, name="images")

    @tf.function(input_signature=[signature], autograph=False)
    def serve(images):
        return {outputs: finish(model(tf.cast(images, "float32"), training=False))}

    function = serve.get_concrete_function()
    keeper = tf.Module()
    keeper.weights = function.graph.variables  # what nobody keeps is missing in the file
    made = tf.lite.TFLiteConverter.from_concrete_functions([function], keeper)
    made.target_spec.supported_ops = [_OPS.TFLITE_BUILTINS]
    return made


def _converter(student, outputs, dtype="uint8", fold=False):
    model = serving_model(student, outputs, batch_size=1, dtype="float32", fold=fold)
    return converter(model, outputs, dtype)


def _with_black_and_white(images):
    """The images, with two pixels of the first set so that all bytes are seen.

    The input's scale is then 1 and its zero point 0, whatever the images: bytes as they are.
    """
    images = images.copy()
    images[0, 0, 0], images[0, -1, -1] = 0, 255
    return images


def _one_by_one(images):
    """A function of no arguments that gives each image as a batch, as the converter asks."""
    return lambda: ([image[np.newaxis]] for image in images)


def _write(converter, student, path, in_float=None):
    """Converts and writes; `in_float` names what alone may compute in float, None anything."""
    try:
        # Keras prints the whole signature; the converter warns of what it works out by itself.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
            content = converter.convert()
    except Exception as error:  # the converter's own exception types are not public
        raise _refusal(student, str(error)) from error
    with files.atomic_write(path) as partial:
        partial.write_bytes(content)
        if in_float is not None:
            operations.check_integers(partial, student.name, in_float)
            operations.check_ranges(partial, student.name)
            operations.widen_logits(partial, _ROOM_FOR_LOGITS)
            operations.forget_names(partial)


def _refusal(student, message):
    needed = set(re.findall(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op", message))
    if needed:
        return RequestError(
            f"The student {student.name!r} cannot become a .tflite file. Expected operations "
            f"that LiteRT has built in. Received: {', '.join(sorted(needed))}. Replace those "
            "layers"
        )
    return RunError(f"The .tflite conversion failed: {message.strip().splitlines()[0]}")
