"""Classifiers opened from .keras and .tflite files, to be run on uint8 images."""

import pathlib

import numpy as np

from mosaickd_tf import models, vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.evaluation.predict import predict_logits
from mosaickd_tf.utils.text import first_line


def open_model(path):
    """Opens a classifier from an untrusted .keras or .tflite file.

    Args:
        path: a .keras file of unit images or of uint8 images, or a .tflite file of uint8 images.

    Returns:
        A `KerasModel` or a `TfliteModel`.

    Raises:
        RequestError: for a file that is no classifier.
    """
    if str(path).endswith(".tflite"):
        vetting.examine_tflite(path)
        return TfliteModel(path)
    return KerasModel(models.load_classifier(path))


class KerasModel:
    """Keras classifier of unit images or of uint8 images.

    Args:
        model: the Keras model.

    Attributes:
        image_shape: `(height, width, channels)` of its images.
        model: the Keras model.
    """

    def __init__(self, model):
        self.image_shape = model.input_shape[1:]
        self.model = model

    def predict(self, images):
        """Returns float32 outputs `(n, num_classes)` of uint8 `(n, height, width, channels)`."""
        return predict_logits(self.model, images)


class TfliteModel:
    """Classifier in a .tflite file of one uint8 image per call, run by LiteRT.

    Args:
        path: path of the file.
        threads: number of threads of the runtime; its default if None.

    Attributes:
        image_shape: `(height, width, channels)` of its images.
        output_dtype: "float32", "uint8" or "int8", the dtype of the file's outputs.
        scale: scale of quantized outputs; 1 for floats.
        zero_point: zero point of quantized outputs; 0 for floats.

    Raises:
        RequestError: for a file that is missing, unreadable or of another kind.
    """

    def __init__(self, path, threads=None):
        from ai_edge_litert.interpreter import Interpreter

        if not pathlib.Path(path).is_file():
            raise RequestError(
                f"No such file. Expected a .tflite file. Received: {str(path)!r}. Export it first"
            )
        try:
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise RequestError(
                f"Not a readable model. Expected a .tflite file. Received: {str(path)!r} "
                f"({first_line(error)}). Export it again"
            ) from error
        source = self._interpreter.get_input_details()[0]
        target = self._interpreter.get_output_details()[0]
        shape = tuple(source["shape"].tolist())
        if len(shape) != 4 or source["dtype"] != np.uint8 or len(target["shape"]) != 2:
            raise RequestError(
                "Not a supported classifier. Expected a .tflite file of uint8 images (1, height, "
                f"width, channels). Received: {source['dtype'].__name__} {shape} in {str(path)!r}. "
                "Export it by bin/export"
            )
        self.image_shape = shape[1:]
        self._input_index, self._output_index = source["index"], target["index"]
        self.output_dtype = target["dtype"].__name__
        scale, zero_point = target["quantization"]
        self.scale, self.zero_point = np.float32(scale or 1), np.float32(zero_point)

    def predict(self, images):
        """Returns float32 outputs `(n, num_classes)` of uint8 `(n, height, width, channels)`.

        Quantized outputs are dequantized.
        """
        rows = np.concatenate([self._predict_one(image[np.newaxis]) for image in images])
        return (rows.astype("float32") - self.zero_point) * self.scale

    def _predict_one(self, image):
        self._interpreter.set_tensor(self._input_index, image)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output_index)
