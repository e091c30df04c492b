"""Layers that augment images, inside a classifier."""

import keras

from mosaickd_tf.models.graph.walk import leaf_layers

_OTHERS = ("AugMix", "CutMix", "MixUp", "RandAugment", "Pipeline")


def augmentation_layers(model):
    """Lists the names of the layers of a model, at any depth, that augment images in training."""
    return [layer.name for layer in leaf_layers(model) if _augments(layer)]


def without_augmentation(model):
    """Returns a model without the layers that augment images.

    Args:
        model: a functional or sequential Keras model.

    Returns:
        A copy with the same weights, in which those layers change nothing, but random crops are
        resizings to their size. The model itself where it has none.
    """
    found = augmentation_layers(model)
    if not found:
        return model
    serialized = keras.saving.serialize_keras_object(model)
    copy = keras.saving.deserialize_keras_object(_plain(serialized, set(found)))
    copy.set_weights(model.get_weights())
    return copy


def _augments(layer):
    is_keras = type(layer).__module__.startswith("keras.")
    name = type(layer).__name__
    return is_keras and (name.startswith("Random") or name in _OTHERS)


def _plain(node, names):
    """Replaces the layers of these names in a serialized model by ones that change nothing."""
    if isinstance(node, list | tuple):
        return type(node)(_plain(item, names) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _plain(value, names) for key, value in node.items()}
    config = node.get("config")
    if not ("class_name" in node and isinstance(config, dict) and config.get("name") in names):
        return node
    # Calls of these layers, and through them the rest of the model, are recorded as of training.
    for call in node.get("inbound_nodes", ()):
        call["kwargs"] = {}
    kept = {key: config[key] for key in ("name", "dtype") if key in config}
    name, given = "Activation", {"activation": "linear"}
    if node["class_name"] == "RandomCrop":  # as Keras documents it for inference
        given = {key: config[key] for key in ("height", "width", "data_format")}
        name, given = "Resizing", given | {"crop_to_aspect_ratio": True}
    replaced = {"module": "keras.layers", "class_name": name, "registered_name": None}
    return node | replaced | {"config": kept | given}
