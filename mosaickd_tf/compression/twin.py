"""The student once more, as convolutions with bias and without normalisations.

What tensorflow-model-optimization compresses are models of tf_keras, and in them it quantises a
batch normalisation only right behind a convolution. The twin has none.
"""

import keras
import numpy as np

from mosaickd_tf import evaluation, models
from mosaickd_tf.compression.folding import fold
from mosaickd_tf.compression.legacy import legacy_keras
from mosaickd_tf.compression.steps import AFFINE, UNIT_IMAGES, read_steps
from mosaickd_tf.errors import RequestError

TOLERANCE = 1e-5  # of the greatest logit, in float32


def folded_twin(student, images):
    """Carries a student over to tf_keras and checks that it stayed itself.

    Args:
        student: Keras 3 model from unit images to logits.
        images: uint8 `(n, height, width, channels)` on which both are compared.

    Returns:
        A functional tf_keras model from float images in [0, 255] to logits, its layers named
        after the student's.

    Raises:
        RequestError: for a layer that cannot be carried over, or a twin whose logits differ by
            more than `TOLERANCE`.
    """
    twin = build(fold(read_steps(models.portable_copy(student))), legacy_keras(), student.name)
    expected = evaluation.predict_logits(student, images)
    received = np.asarray(twin.predict(images.astype("float32"), verbose=0))
    difference = np.max(np.abs(received - expected)) / np.max(np.abs(expected))
    if not difference <= TOLERANCE:
        raise RequestError(
            f"The student {student.name!r} cannot be carried over to tf_keras. Expected logits "
            f"within {TOLERANCE:g} of the greatest. Received: {difference:.1e}"
        )
    return twin


def build(steps, library, name):
    """Builds steps as a functional model of `keras` or `tf_keras`.

    Args:
        steps: a list of `Step`, folded.
        library: the module `keras` or `tf_keras`.
        name: of the model.

    Returns:
        A model from float images in [0, 255] to what the last step gives.
    """
    layers = library.layers
    tensors, weighted = {}, []
    for step in steps:
        inputs = [tensors[source] for source in step.inputs]
        if step.kind == "InputLayer":
            tensors[step.name] = library.Input(step.arguments["shape"], name=step.name)
        elif step.kind == AFFINE:
            layer = layers.DepthwiseConv2D(1, name=step.name, trainable=step.trainable)
            scale, offset = step.weights
            weighted.append((layer, [scale.reshape(1, 1, -1, 1), offset]))
            tensors[step.name] = _on_pixels(layers, layer, inputs[0])
        else:
            layer = getattr(layers, step.kind)(name=step.name, **step.arguments)
            weighted.append((layer, step.weights))
            tensors[step.name] = layer(inputs if len(inputs) > 1 else inputs[0])
    model = library.Model(tensors["images"], tensors[steps[-1].name], name=name)
    for layer, weights in weighted:
        layer.set_weights([array.astype("float32") for array in weights])
    return model


def keras_twin(twin, student):
    """Brings a twin's weights back to Keras 3.

    Args:
        twin: a tf_keras model of the layers of `folded_twin(student, ...)`.
        student: the Keras 3 model that it was made from.

    Returns:
        A Keras 3 model of built-in layers from unit images to the twin's logits.
    """
    folded = build(fold(read_steps(models.portable_copy(student))), keras, student.name)
    for layer in folded.layers:
        if layer.weights:
            layer.set_weights(twin.get_layer(layer.name).get_weights())
    scale, offset = folded.get_layer(UNIT_IMAGES).get_weights()
    folded.get_layer(UNIT_IMAGES).set_weights([scale * 255, offset])  # it takes unit images now
    return folded


def _on_pixels(layers, layer, tensor):
    """Applies a layer that wants maps, to features too."""
    if len(tensor.shape) == 4:
        return layer(tensor)
    pixel = layers.Reshape((1, 1, tensor.shape[-1]), name=f"{layer.name}_pixel")(tensor)
    return layers.Flatten(name=f"{layer.name}_features")(layer(pixel))
