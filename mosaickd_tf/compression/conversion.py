"""From a twin, wrapped or not, to a .tflite file of one uint8 picture a call."""

import warnings

import tensorflow as tf

from mosaickd_tf import files
from mosaickd_tf.compression.legacy import legacy_keras


def save(model, path, outputs="probabilities", *, integer=False):
    """Writes a tf_keras twin as a .tflite file.

    Args:
        model: from float images in [0, 255] to logits.
        path: a .tflite file.
        outputs: "probabilities" or "logits".
        integer: whether the model is one of `quantization_aware` and the file computes in int8
            from uint8 pictures to uint8 outputs.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(_serving(model, outputs, integer))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")  # they are inside
        content = converter.convert()
    with files.whole(path) as partial:
        partial.write_bytes(content)


def _serving(model, outputs, integer):
    """The model for one image; as integers the images are given to it by the converter."""
    keras = legacy_keras()
    kind = "float32" if integer else "uint8"
    images = keras.Input(model.input_shape[1:], batch_size=1, dtype=kind, name="images")
    floats = images if integer else keras.layers.Lambda(lambda x: tf.cast(x, "float32"))(images)
    logits = model(floats)
    if outputs == "probabilities":
        return keras.Model(images, keras.layers.Softmax(name=outputs)(logits))
    return keras.Model(images, keras.layers.Activation("linear", name=outputs)(logits))
