"""How good a classifier is: a Keras model's or a .tflite file's outputs against labels."""

import functools
import pathlib

import numpy as np
import tensorflow as tf

from mosaickd_tf import models, vetting
from mosaickd_tf.data.streams import unit
from mosaickd_tf.errors import RequestError

BATCH_SIZE = 256


def open_model(path):
    """Opens a classifier from a .keras or .tflite file that comes from elsewhere.

    Args:
        path: a .keras file of unit images or of uint8 images, or a .tflite file of uint8 ones.

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
        output_dtype: "float32", "uint8" or "int8", what the file itself gives.
        scale: what a step of such an integer stands for; 1 for floats.
        zero_point: the integer that stands for 0; 0 for floats.

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
                f"({next(iter(str(error).splitlines()), type(error).__name__)}). Export it anew"
            ) from error
        source = self._interpreter.get_input_details()[0]
        target = self._interpreter.get_output_details()[0]
        shape = tuple(source["shape"].tolist())
        if len(shape) != 4 or source["dtype"] != np.uint8 or len(target["shape"]) != 2:
            raise RequestError(
                "Not such a classifier. Expected a .tflite one of uint8 images (1, height, width, "
                f"channels). Received: {source['dtype'].__name__} {shape} in {str(path)!r}. Export "
                "it by bin/export"
            )
        self.image_shape = shape[1:]
        self._source, self._target = source["index"], target["index"]
        self.output_dtype = target["dtype"].__name__
        scale, zero_point = target["quantization"]
        self.scale, self.zero_point = np.float32(scale or 1), np.float32(zero_point)

    def predict(self, images):
        """Outputs `(n, num_classes)`, float32, of uint8 images `(n, height, width, channels)`.

        Outputs that a file gives as integers are brought back to what they stand for.
        """
        rows = np.concatenate([self._one(image[np.newaxis]) for image in images])
        return (rows.astype("float32") - self.zero_point) * self.scale

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

    return tf.function(run, input_signature=[signature], autograph=False)


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


def prediction_diversity(outputs, other_outputs):
    """How varied the named classes are: the share outside of the most frequent, over the others'.

    Args:
        outputs: `(n, num_classes)`.
        other_outputs: the same of a model that is right about the classes.

    Returns:
        A float, 0 where one class is named for all; None where the others name one for all.
    """
    outside, others = (
        1.0 - np.bincount(rows.argmax(-1)).max() / len(rows) for rows in (outputs, other_outputs)
    )
    return float(outside / others) if others else None


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
