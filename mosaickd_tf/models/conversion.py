"""Copies of a network for another purpose: fast in training, or portable in a file.

The builders of this package make networks of built-in Keras layers in float32, which load
anywhere. Training wants fused normalisation and, where the machine has it, low precision.
Both copies are made by rewriting the network's configuration and carrying its weights over.
"""

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.taps import leaves

_BUILT_IN = {
    "module": "keras.layers",
    "class_name": "BatchNormalization",
    "registered_name": None,
}
_FUSED = {
    "module": "mosaickd_tf.models.normalization",
    "class_name": "FusedBatchNormalization",
    "registered_name": "mosaickd_tf>FusedBatchNormalization",
}
# The entrance and the exit of a network: images in [0, 1] and logits need float32.
_FLOAT32_LAYERS = ("Normalization", "Rescaling", "InputLayer", "Softmax")


def fast_copy(model, policy="float32"):
    """Copies a network for training: fused batch normalisation and the given precision.

    Args:
        model: a Keras model with a configuration (functional, sequential or registered).
        policy: name of a Keras dtype policy, `"float32"`, `"mixed_bfloat16"` or
            `"mixed_float16"`. The output layers and the standardisation stay float32.

    Returns:
        A new model of the same weights; images in and logits out keep their dtype.

    Raises:
        RequestError: when the model has no configuration to copy it by.
    """
    return _rewritten(model, _FUSED, policy, _output_layers(model))


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
    copy = _rewritten(model, _BUILT_IN, "float32", keep=())
    copy.trainable = True
    return copy


def computes_in_float16(*networks):
    """Whether any layer of these models or layers computes in float16, at any depth."""
    layers = [layer for network in networks for layer in leaves(network)]
    return "float16" in {layer.compute_dtype for layer in layers}


def _output_layers(model):
    """Names of the layers that give a model's outputs, those inside of nested models too."""
    names = set()
    for tensor in getattr(model, "outputs", None) or []:
        layer = tensor._keras_history.operation
        names |= {layer.name} | _output_layers(layer)
    return names


def _rewritten(model, normalization, policy, keep):
    from mosaickd_tf.models import normalization as _  # noqa: F401  registers the fused layer

    try:
        described = keras.saving.serialize_keras_object(model)
        copy = keras.saving.deserialize_keras_object(
            _rewrite(described, normalization, policy, frozenset(keep))
        )
    except (NotImplementedError, TypeError, ValueError) as error:
        raise RequestError(
            f"The model {model.name!r} cannot be copied: it needs `get_config` and registered "
            f"classes. Keras says: {str(error).splitlines()[0]}"
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _rewrite(node, normalization, policy, keep):
    """Walks a serialised Keras object and exchanges normalisation layers and policies."""
    if isinstance(node, (list, tuple)):
        return type(node)(_rewrite(item, normalization, policy, keep) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _rewrite(value, normalization, policy, keep) for key, value in node.items()}
    if node.get("class_name") in (_BUILT_IN["class_name"], _FUSED["class_name"]):
        node.update(normalization)
    config = node.get("config")
    if isinstance(config, dict) and isinstance(config.get("dtype"), dict):
        stays = node["class_name"] in _FLOAT32_LAYERS or config.get("name") in keep
        config["dtype"]["config"] = {"name": "float32" if stays else policy}
    return node
