"""Activation in which an output of a model ends, as the model's graph shows it."""

import math

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.walk import output_index, producer

PROBABILITIES = ("softmax", "sigmoid")  # activations whose values are probabilities

# Layers with weights that apply an activation to their result as the last step.
WEIGHTED = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
# Layers and operations that return at inference the values that they take, in the same order.
_SAME_VALUES = (
    keras.layers.Reshape,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianNoise,
    keras.layers.Identity,
    keras.layers.ActivityRegularization,
)
_SAME_VALUES_OPERATIONS = ("Cast", "Reshape", "Squeeze", "ExpandDims", "Identity")
_MEANS = (keras.layers.GlobalAveragePooling2D, keras.layers.AveragePooling2D)
_OPERATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}


def output_activation(model, index=0):
    """Reads off the graph of a model in which activation an output ends.

    Nested models are looked into, and layers after the activation that only change the shape or
    dtype are passed over.

    Args:
        model: a built Keras model.
        index: number of the output.

    Returns:
        Name of the activation as in `keras.activations`, such as "softmax", "sigmoid",
        "log_softmax" or "relu"; "linear" after a dense layer or convolution without one; empty
        where the graph does not tell, as for subclassed models, custom layers and a softmax over
        another axis than that of the values of an image.
    """
    outputs = getattr(model, "outputs", None)
    return activation_of(outputs[index]) if outputs else ""


def activation_of(tensor):
    """Returns as `output_activation` does the activation of a symbolic tensor of a model."""
    values = math.prod(side or 1 for side in tensor.shape[1:])
    tensor = origin(tensor)
    node = producer(tensor)
    layer = node.operation
    if isinstance(layer, keras.Model):
        name = activation_of(layer.outputs[output_index(tensor)])
    elif isinstance(layer, _MEANS):
        name = activation_of(node.input_tensors[0])
        return name if name == "linear" else ""
    else:
        name = _own_activation(layer)
    if name not in ("softmax", "log_softmax"):
        return name
    return name if tensor.shape[_axis(layer)] == values else ""


def origin(tensor):
    """Follows a tensor of a functional model back to the layer that computed its values."""
    while True:
        node = producer(tensor)
        if not _keeps_values(node.operation, node.input_tensors):
            return tensor
        tensor = node.input_tensors[0]


def check_returns_logits(**networks):
    """Checks that no network, given by name, ends in a softmax or sigmoid.

    It is read off the graph; a network whose graph does not tell passes.

    Raises:
        RequestError: for one that returns probabilities.
    """
    from_file = ", or load its file by mosaickd_tf.teachers.load_teacher_file"
    for name, network in networks.items():
        activation = output_activation(network)
        if activation in PROBABILITIES:
            raise RequestError(
                f"`{name}` returns probabilities. Expected a model that returns logits. Received: "
                f"{network.name!r}, which ends in {activation}. Use "
                f"mosaickd_tf.teachers.as_logits({name}){from_file if name == 'teacher' else ''}"
            )


def _keeps_values(layer, inputs):
    if not inputs:
        return False
    if isinstance(layer, keras.layers.Activation):
        return layer.activation is keras.activations.linear
    if isinstance(layer, keras.layers.Flatten):
        return layer.data_format == "channels_last" or len(inputs[0].shape) == 2
    if isinstance(layer, keras.layers.Layer):
        return type(layer) in _SAME_VALUES
    return _is_built_in(type(layer)) and type(layer).__name__ in _SAME_VALUES_OPERATIONS


def _own_activation(layer):
    """Returns the name of the activation that a layer or operation applies last, or ""."""
    kind = type(layer)
    if kind in WEIGHTED:
        is_plain = getattr(layer, "quantization_mode", None) is None
        return _name(layer.activation) if is_plain else ""
    if kind is keras.layers.Activation:
        return _name(layer.activation)
    if kind.__module__.startswith("keras.src.layers.activations"):
        return _snake(kind.__name__)
    if kind.__module__ == "keras.src.ops.nn":
        return _OPERATIONS.get(kind.__name__, _snake(kind.__name__))
    return ""


def _name(activation):
    """Returns the name of an activation function of Keras or TensorFlow, "" for any other."""
    if isinstance(activation, keras.layers.Layer):
        return _own_activation(activation)
    if not _is_built_in(activation):
        return ""
    return getattr(activation, "__name__", "").removesuffix("_v2")


def _is_built_in(thing):
    return getattr(thing, "__module__", "").split(".")[0] in ("keras", "tensorflow")


def _snake(name):
    return {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}.get(name, name.lower())


def _axis(layer):
    """Returns the axis of a layer's softmax; the last one unless the layer says another."""
    function = getattr(layer, "activation", None)
    layer = function if isinstance(function, keras.layers.Layer) else layer
    axis = getattr(layer, "axis", -1)
    return axis if isinstance(axis, int) else axis[0] if len(axis) == 1 else 0
