"""Models whose input is made free: any batch size, and float images."""

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line


def with_image_shape(model, image_shape):
    """Returns a model whose images have a known shape.

    Args:
        model: a Keras model of one input, with sides that it leaves open.
        image_shape: shape of an image in the order of its axes.

    Returns:
        A new model with the same weights; the model itself where its sides are known.

    Raises:
        RequestError: for a model that does not take images of that shape.
    """
    (images,) = model.inputs
    if None not in images.shape[1:]:
        return model
    try:
        serialized = keras.saving.serialize_keras_object(model)
        shaped = _shaped(serialized, list(images.shape), [images.shape[0], *image_shape])
        copy = keras.saving.deserialize_keras_object(shaped)
        if None in copy.inputs[0].shape[1:]:
            raise ValueError("its sides stay open")
        copy.set_weights(model.get_weights())
        return copy
    except Exception as error:  # Keras raises various types
        raise RequestError(
            "The model cannot take images of this size. Expected another `image_size`. Received: "
            f"{tuple(image_shape)} ({first_line(error)}). Choose the one that it was trained with"
        ) from error


def with_free_input(model):
    """Returns a model of any batch size and of float images.

    A batch size that is fixed in the file would be that of every update, and gradients do not
    flow to images of integers.

    Args:
        model: a Keras model of one input.

    Returns:
        A new model with the same weights; the model itself where its input is free.

    Raises:
        RequestError: for a model that cannot be rebuilt from its configuration.
    """
    (images,) = model.inputs
    is_float = "float" in images.dtype
    if is_float and images.shape[0] is None:
        return model
    try:
        serialized = keras.saving.serialize_keras_object(model)
        copy = keras.saving.deserialize_keras_object(_freed(serialized))
        if copy.inputs[0].shape[0] is not None:
            raise ValueError(f"a batch size of {copy.inputs[0].shape[0]}")
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        raise RequestError(
            "The model has an input that cannot be made free. Expected float images and any batch "
            f"size. Received: {images.dtype} {tuple(images.shape)} ({first_line(error)}). Save the "
            "model with such an input"
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _shaped(node, open_shape, shape):
    """Rewrites the shape of each input of a serialized model that has an open shape."""
    if isinstance(node, (list, tuple)):
        return type(node)(_shaped(item, open_shape, shape) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _shaped(value, open_shape, shape) for key, value in node.items()}
    for key in ("batch_shape", "batch_input_shape"):
        if list(node.get(key) or ()) == open_shape:
            node[key] = tuple(shape)
    return node


def _freed(node):
    """Rewrites a serialized Keras object, or a part of one."""
    if isinstance(node, (list, tuple)):
        return type(node)(_freed(item) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _freed(value) for key, value in node.items()}
    for key in ("batch_shape", "batch_input_shape"):
        if node.get(key):
            node[key] = (None, *node[key][1:])
    if node.get("class_name") == "InputLayer" and "float" not in str(node["config"]["dtype"]):
        node["config"]["dtype"] = "float32"
    return node
