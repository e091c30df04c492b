"""Files for LiteRT: float32, or quantized after training."""

import contextlib
import io
import re
import warnings

import numpy as np
import tensorflow as tf

from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.export import operations
from mosaickd_tf.export.serving import serving_model
from mosaickd_tf.models.graph.walk import leaf_layers
from mosaickd_tf.tasks import TASKS
from mosaickd_tf.utils import files
from mosaickd_tf.utils.text import first_line

_OPS = tf.lite.OpsSet
# Range of the logits relative to that of the calibration images: the logits of images in use are
# larger. Chosen by experiment, docs/export_and_compression.md.
_LOGIT_RANGE_FACTOR = 1.5
_SINGLE_LABEL = TASKS["single_label"]


def save_tflite(student, path, outputs="probabilities", task=_SINGLE_LABEL):
    """Writes the serving model as a float32 .tflite file of one image per call.

    Args:
        student: Keras model from unit images to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".
        task: `Task` of the student.

    Raises:
        RequestError: when the student needs operations that LiteRT does not have built in.
        RunError: when the converter fails otherwise.
    """
    _write(_converter(student, outputs, task), student, path)


def save_tflite_float16(student, path, outputs="probabilities", task=_SINGLE_LABEL):
    """Writes weights in float16; the runtime computes in float32. See `save_tflite`."""
    converter = _converter(student, outputs, task)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    _write(converter, student, path)


def save_tflite_dynamic(student, path, outputs="probabilities", task=_SINGLE_LABEL):
    """Writes weights in int8; activations are quantized at run time. See `save_tflite`."""
    converter = _converter(student, outputs, task)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    _write(converter, student, path)


def save_tflite_int8(student, path, outputs="probabilities", task=_SINGLE_LABEL, *, calibration):
    """Writes an int8 file: uint8 images, uint8 outputs, no operation in float.

    Args:
        student: Keras model from unit images to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".
        task: `Task` of the student.
        calibration: uint8 images `(n, height, width, channels)` by which the ranges of
            activations are measured.

    Raises:
        RequestError: when the student has an operation without integer arithmetic.
        RunError: when the converter fails otherwise.
    """
    # Of a graph that takes uint8 the converter would keep the cast and the first layers in float.
    converter = _converter(student, outputs, task, dtype="float32", fold=True)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _one_by_one(
        _with_black_and_white(calibration).astype("float32")
    )
    converter.target_spec.supported_ops = [_OPS.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    _write(converter, student, path, in_float=())


def save_tflite_int16x8(student, path, outputs="probabilities", task=_SINGLE_LABEL, *, calibration):
    """Writes int8 weights with int16 activations; uint8 images, float32 outputs.

    The images are cast to float and quantized to int16 at the input, and outputs dequantized,
    since the converter gives such files no uint8 input. See `save_tflite_int8`.
    """
    converter = _converter(student, outputs, task, fold=True)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _one_by_one(calibration)
    converter.target_spec.supported_ops = [
        _OPS.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
        _OPS.TFLITE_BUILTINS,
    ]
    _write(converter, student, path, in_float=("CAST", "QUANTIZE", "DEQUANTIZE"))


def make_converter(model, outputs, dtype="uint8", finish=lambda values: values):
    """Returns a converter of a model to a file of LiteRT's own operations, one image per call.

    The model is traced and not saved first, which takes half the time and gives the file the
    names of its input and output.

    Args:
        model: Keras model, of tf_keras too, from float32 images `(1, height, width, channels)`
            in [0, 255] to `(1, num_classes)`.
        outputs: name of the output; the input is named `images`.
        dtype: of the file's images, which are cast.
        finish: function of the model's outputs that gives those of the file.

    Returns:
        A `tf.lite.TFLiteConverter`.
    """
    signature = tf.TensorSpec((1, *model.input_shape[1:]), dtype, name="images")

    @tf.function(input_signature=[signature], autograph=False)
    def serve(images):
        return {outputs: finish(model(tf.cast(images, "float32"), training=False))}

    function = serve.get_concrete_function()
    keeper = tf.Module()
    keeper.weights = function.graph.variables  # variables without a reference are not written
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], keeper)
    converter.target_spec.supported_ops = [_OPS.TFLITE_BUILTINS]
    return converter


def _converter(student, outputs, task, dtype="uint8", fold=False):
    model = serving_model(student, outputs, batch_size=1, dtype="float32", fold=fold, task=task)
    return make_converter(model, outputs, dtype)


def _with_black_and_white(images):
    """Returns the images, with two pixels of the first set to the lowest and highest value.

    The input's scale is then 1 and its zero point 0, whatever the images.
    """
    images = images.copy()
    images[0, 0, 0], images[0, -1, -1] = 0, 255
    return images


def _one_by_one(images):
    """Returns a function that yields each image as a batch, the form that the converter needs."""
    return lambda: ([image[np.newaxis]] for image in images)


def _write(converter, student, path, in_float=None):
    """Converts and writes; only the operations `in_float` may compute in float, with None any."""
    try:
        # Keras prints the whole signature; the converter warns of ranges that it infers.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
            content = converter.convert()
    except Exception as error:  # the converter's own exception types are not public
        raise _refusal(student, error) from error
    with files.atomic_write(path) as partial:
        partial.write_bytes(content)
        if in_float is not None:
            layers = [layer.name for layer in leaf_layers(student)]
            operations.check_integers(partial, student.name, in_float, layers)
            operations.check_ranges(partial, student.name)
            operations.widen_logits(partial, _LOGIT_RANGE_FACTOR)
            operations.forget_names(partial)


def _refusal(student, error):
    needed = set(re.findall(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op", str(error)))
    if needed:
        return RequestError(
            f"The student {student.name!r} cannot become a .tflite file. Expected operations "
            f"that LiteRT has built in. Received: {', '.join(sorted(needed))}. Replace those "
            "layers"
        )
    return RunError(f"The .tflite conversion failed: {first_line(error)}")
