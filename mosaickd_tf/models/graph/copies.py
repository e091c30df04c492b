"""Copies of a network for another purpose: fast in training, or portable in a file.

The builders of this package make networks of built-in Keras layers in float32, which load
anywhere. Training wants fused layers and, where the machine has it, low precision.
Both copies are made by rewriting the network's configuration and carrying its weights over.
"""

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.activations import leaves
from mosaickd_tf.models.graph.upsampling import (
    DeferredUpSampling2D,
    UpsamplingConv2D,
    fusable_upsampling,
)
from mosaickd_tf.models.normalization import FusedBatchNormalization

# Layers of Keras, and ours that do the same faster: the first always, the others in pairs.
_FASTER = {
    "BatchNormalization": FusedBatchNormalization,
    "UpSampling2D": DeferredUpSampling2D,
    "Conv2D": UpsamplingConv2D,
}
_BUILT_IN = {ours.__name__: name for name, ours in _FASTER.items()}
# The entrance and the exit of a network: images in [0, 1] and logits need float32.
_FLOAT32_LAYERS = ("Normalization", "Rescaling", "InputLayer", "Softmax")


def training_copy(model, policy="float32"):
    """Copies a network for training: fused layers and the given precision.

    Args:
        model: a Keras model with a configuration (functional, sequential or registered).
        policy: name of a Keras dtype policy, `"float32"`, `"mixed_bfloat16"` or
            `"mixed_float16"`. The standardisation stays float32, and so do the output layers:
            the last with weights and those without behind it.

    Returns:
        A new model of the same weights; images in and logits out keep their dtype.

    Raises:
        RequestError: when the model has no configuration to copy it by.
    """
    pairs = fusable_upsampling(model)

    def faster(node):
        name = node["class_name"]
        wanted = name == "BatchNormalization" or node["config"].get("name") in pairs
        return _ours(name) if wanted else {}

    return _rewritten(model, faster, policy, _output_layers(model))


def portable_copy(model):
    """Copies a network for a file: built-in layers only, float32, trainable.

    Args:
        model: a Keras model with a configuration.

    Returns:
        A new float32 model of the same weights that loads without this package, as far as
        the layers outside this package do.

    Raises:
        RequestError: when the model has no configuration to copy it by.
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
    """Whether any layer of these models or layers computes in float16, at any depth."""
    layers = [layer for network in networks for layer in leaves(network)]
    return "float16" in {layer.compute_dtype for layer in layers}


def _output_layers(model):
    """Names of the layers from the last weights to a model's outputs, nested ones too.

    What lies between has no weights and hands the logits on. The walk back ends at a nonlinear
    `Activation` too: what that gives are images or probabilities, which it computes itself.
    """
    names = set()
    tensors = list(getattr(model, "outputs", None) or [])
    known = {id(tensor) for tensor in tensors}
    while tensors:
        layer, node, _ = tensors.pop()._keras_history
        names |= {layer.name} | _output_layers(layer)
        if getattr(layer, "weights", None) or _bends(layer):
            continue
        before = [t for t in layer._inbound_nodes[node].input_tensors if id(t) not in known]
        known |= {id(tensor) for tensor in before}
        tensors += before
    return names


def _bends(layer):
    linear = keras.activations.linear
    return isinstance(layer, keras.layers.Activation) and layer.activation is not linear


def _ours(name):
    """How a serialised layer of ours names itself that takes the place of one of Keras."""
    ours = _FASTER[name]
    return {
        "module": ours.__module__,
        "class_name": ours.__name__,
        "registered_name": f"mosaickd_tf>{ours.__name__}",
    }


def _rewritten(model, instead, policy, keep):
    try:
        described = keras.saving.serialize_keras_object(model)
        copy = keras.saving.deserialize_keras_object(
            _rewrite(described, instead, policy, frozenset(keep))
        )
    except (NotImplementedError, TypeError, ValueError) as error:
        raise RequestError(
            f"The model {model.name!r} cannot be copied: it needs `get_config` and registered "
            f"classes. Keras says: {str(error).splitlines()[0]}"
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _rewrite(node, instead, policy, keep):
    """Walks a serialised Keras object and exchanges layers and policies."""
    if isinstance(node, (list, tuple)):
        return type(node)(_rewrite(item, instead, policy, keep) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _rewrite(value, instead, policy, keep) for key, value in node.items()}
    config = node.get("config")
    if "class_name" in node and isinstance(config, dict):
        node.update(instead(node))
    if isinstance(config, dict) and isinstance(config.get("dtype"), dict):
        stays = node["class_name"] in _FLOAT32_LAYERS or config.get("name") in keep
        config["dtype"]["config"] = {"name": "float32" if stays else policy}
    return node
