"""How good a classifier is: a Keras model's or a .tflite file's outputs against labels."""

import functools
import pathlib

import numpy as np
import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.data.pipelines import unit
from mosaickd_tf.errors import RequestError

BATCH_SIZE = 256


def open_model(path):
    """Opens a classifier from a .keras or .tflite file.

    Args:
        path: a .keras file of unit images or of uint8 images, or a .tflite file of uint8 ones.

    Returns:
        A `KerasModel` or a `TfliteModel`.

    Raises:
        RequestError: for a file that is no classifier.
    """
    if str(path).endswith(".tflite"):
        return TfliteModel(path)
    return KerasModel(models.load_classifier(path))


class KerasModel:
    """A Keras classifier of unit images, or of uint8 images, to be run on uint8 images.

    Attributes:
        image_shape: `(height, width, channels)` of the images it takes.
    """

    def __init__(self, model):
        self.image_shape = model.input_shape[1:]
        self.model = model

    def predict(self, images):
        """Outputs `(n, num_classes)`, float32, of uint8 images `(n, height, width, channels)`."""
        return predict_logits(self.model, images)


class TfliteModel:
    """A .tflite classifier of one uint8 image a call, on the LiteRT runtime.

    Args:
        path: the file.
        threads: threads of the runtime; its own choice if None.

    Attributes:
        image_shape: `(height, width, channels)` of the images it takes.
        step: what outputs that are integers are multiples of; 1 for floats.

    Raises:
        RequestError: for a file that is missing, unreadable or of another kind.
    """

    def __init__(self, path, threads=None):
        from ai_edge_litert.interpreter import Interpreter

        if not pathlib.Path(path).is_file():
            raise RequestError(f"No such file. Expected a .tflite file. Received: {str(path)!r}")
        try:
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise RequestError(
                f"Not a readable model. Expected a .tflite file. Received: {str(path)!r} "
                f"({str(error).splitlines()[0]})"
            ) from error
        source = self._interpreter.get_input_details()[0]
        target = self._interpreter.get_output_details()[0]
        shape = tuple(source["shape"].tolist())
        if len(shape) != 4 or source["dtype"] != np.uint8 or len(target["shape"]) != 2:
            raise RequestError(
                "Expected a .tflite classifier of uint8 images (1, height, width, channels). "
                f"Received: {source['dtype'].__name__} {shape} in {str(path)!r}"
            )
        self.image_shape = shape[1:]
        self._source, self._target = source["index"], target["index"]
        scale, zero_point = target["quantization"]
        self.step, self._zero_point = np.float32(scale or 1), np.float32(zero_point)

    def predict(self, images):
        """Outputs `(n, num_classes)`, float32, of uint8 images `(n, height, width, channels)`.

        Outputs that a file gives as integers are brought back to what they stand for.
        """
        rows = np.concatenate([self._one(image[np.newaxis]) for image in images])
        return (rows.astype("float32") - self._zero_point) * self.step

    def _one(self, image):
        self._interpreter.set_tensor(self._source, image)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._target)


def predict_logits(model, images):
    """Runs a Keras classifier over uint8 images.

    Args:
        model: Keras model from unit images, or from uint8 images, to `(batch, num_classes)`.
        images: uint8 `(n, height, width, channels)`.

    Returns:
        Float32 `(n, num_classes)`: what the model returns.
    """
    run = _compiled(model)
    starts = range(0, len(images), BATCH_SIZE)
    return np.concatenate([run(tf.constant(images[i : i + BATCH_SIZE])).numpy() for i in starts])


@functools.lru_cache(maxsize=4)
def _compiled(model):
    """The model's forward pass, traced once for all its evaluations."""
    takes_bytes = model.inputs[0].dtype == "uint8"
    signature = tf.TensorSpec((None, *model.input_shape[1:]), "uint8")

    def run(images):
        outputs = model(images if takes_bytes else unit(images), training=False)
        return tf.cast(outputs, "float32")

    return tf.function(run, input_signature=[signature])


def top_k_accuracy(outputs, labels, k=1):
    """Share of images whose label is among the `k` highest outputs.

    Args:
        outputs: `(n, num_classes)` logits or probabilities.
        labels: integers `(n,)`.
        k: at least 1; cut back to the number of classes.

    Returns:
        A float in [0, 1].
    """
    k = min(k, outputs.shape[-1])
    best = np.argsort(-outputs.astype("float64"), axis=-1, kind="stable")[:, :k]
    return float(np.mean(np.any(best == np.asarray(labels)[:, np.newaxis], axis=-1)))


def per_class_accuracy(outputs, labels):
    """Top-1 accuracy of the images of each class; None for a class without images."""
    right = outputs.argmax(-1) == labels
    return [
        float(right[labels == c].mean()) if np.any(labels == c) else None
        for c in range(outputs.shape[-1])
    ]


def confusion_matrix(labels, named, num_classes):
    """How many images of each class were given each name.

    Args:
        labels: integers `(n,)`, the true classes.
        named: integers `(n,)`, what a classifier called them.
        num_classes: more than any of them.

    Returns:
        Integers `(num_classes, num_classes)`, a row for each true class.
    """
    pairs = np.asarray(labels) * num_classes + np.asarray(named)
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def agreement(outputs, other_outputs):
    """Share of images on which both name the same class, a float in [0, 1]."""
    return float(np.mean(outputs.argmax(-1) == other_outputs.argmax(-1)))
