"""Copies of a model for training and for files.

The builders of this package make models of built-in Keras layers in float32, which load
anywhere. Training needs fused layers and, where the hardware supports it, low precision. Both
copies rewrite the model's configuration and take over its weights.
"""

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.upsampling import (
    DeferredUpSampling2D,
    UpsamplingConv2D,
    fusable_upsampling,
)
from mosaickd_tf.models.graph.walk import leaf_layers, producer
from mosaickd_tf.models.normalization import FusedBatchNormalization
from mosaickd_tf.utils.text import first_line

# Layers of Keras and their fused replacements: the first always, the other two in pairs.
_FUSED = {
    "BatchNormalization": FusedBatchNormalization,
    "UpSampling2D": DeferredUpSampling2D,
    "Conv2D": UpsamplingConv2D,
}
_BUILT_IN = {fused.__name__: name for name, fused in _FUSED.items()}
# Input and output layers of a model: images in [0, 1] and logits need float32. The gradient of a
# resizing with antialiasing exists in no other precision.
_FLOAT32_LAYERS = (
    *("Normalization", "Rescaling", "Resizing", "InputLayer"),
    *("Softmax", "ProbabilityLogits"),
)


def training_copy(model, policy="float32"):
    """Copies a model for training: fused layers and the given precision.

    Args:
        model: a Keras model with a configuration (functional, sequential or registered).
        policy: name of a Keras dtype policy, `"float32"`, `"mixed_bfloat16"` or
            `"mixed_float16"`. The input standardization stays float32, and so do the output
            layers: the last with weights and those without after it.

    Returns:
        A new model with the same weights; its inputs and outputs keep their dtype.

    Raises:
        RequestError: for a model that cannot be rebuilt from its configuration.
    """
    fusable = fusable_upsampling(model)

    def fused(node):
        name = node["class_name"]
        replaced = name == "BatchNormalization" or node["config"].get("name") in fusable
        return _serialized_class(_FUSED[name]) if replaced else {}

    return _rewritten(model, fused, policy, _output_layers(model))


def portable_copy(model):
    """Copies a model for a file: built-in layers only, float32, trainable.

    Args:
        model: a Keras model with a configuration.

    Returns:
        A new float32 model with the same weights. It loads without this package, unless the
        model contains other custom layers.

    Raises:
        RequestError: for a model that cannot be rebuilt from its configuration.
    """

    def built_in(node):
        if node["class_name"] not in _BUILT_IN:
            return {}
        name = _BUILT_IN[node["class_name"]]
        return {"module": "keras.layers", "class_name": name, "registered_name": None}

    copy = _rewritten(model, built_in, "float32", keep=())
    copy.trainable = True
    return copy


def computes_in_float16(*networks):
    """Tells whether any layer of these models or layers computes in float16, at any depth."""
    layers = [layer for network in networks for layer in leaf_layers(network)]
    return "float16" in {layer.compute_dtype for layer in layers}


def _output_layers(model):
    """Collects the names of the layers from the last weights to the outputs, nested ones too.

    The layers after the last weights pass the logits on. The search backwards also ends at a
    nonlinear `Activation`, which computes images or probabilities itself.
    """
    names = set()
    tensors = list(getattr(model, "outputs", None) or [])
    known = {id(tensor) for tensor in tensors}
    while tensors:
        node = producer(tensors.pop())
        layer = node.operation
        names |= {layer.name} | _output_layers(layer)
        if getattr(layer, "weights", None) or _is_nonlinear(layer):
            continue
        inputs = [tensor for tensor in node.input_tensors if id(tensor) not in known]
        known |= {id(tensor) for tensor in inputs}
        tensors += inputs
    return names


def _is_nonlinear(layer):
    linear = keras.activations.linear
    return isinstance(layer, keras.layers.Activation) and layer.activation is not linear


def _serialized_class(cls):
    """Returns the entries by which a serialized layer names a registered class."""
    return {
        "module": cls.__module__,
        "class_name": cls.__name__,
        "registered_name": f"mosaickd_tf>{cls.__name__}",
    }


def _rewritten(model, replacement, policy, keep):
    """Rebuilds a model from its rewritten configuration, with its weights."""
    try:
        serialized = keras.saving.serialize_keras_object(model)
        copy = keras.saving.deserialize_keras_object(
            _rewrite(serialized, replacement, policy, frozenset(keep))
        )
    except (NotImplementedError, TypeError, ValueError) as error:
        raise RequestError(
            f"The model {model.name!r} cannot be copied. Expected a model with `get_config` and "
            f"registered classes. Received: {first_line(error)}"
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _rewrite(node, replacement, policy, keep):
    """Replaces layers and dtype policies in a serialized Keras object.

    Args:
        node: a serialized object, or a part of one.
        replacement: function of a serialized layer that returns the entries to replace in it.
        policy: name of the dtype policy to set.
        keep: names of layers that stay float32.
    """
    if isinstance(node, (list, tuple)):
        return type(node)(_rewrite(item, replacement, policy, keep) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _rewrite(value, replacement, policy, keep) for key, value in node.items()}
    config = node.get("config")
    if "class_name" in node and isinstance(config, dict):
        node.update(replacement(node))
    if isinstance(config, dict) and isinstance(config.get("dtype"), dict):
        stays = node["class_name"] in _FLOAT32_LAYERS or config.get("name") in keep
        config["dtype"]["config"] = {"name": "float32" if stays else policy}
    return node
