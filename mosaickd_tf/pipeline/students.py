"""Students from files: what in them would train the wrong thing is taken out or refused."""

import logging

import keras

from mosaickd_tf import models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.walk import layers_in_order, leaf_layers

logger = logging.getLogger(__name__)

_BYTES = 1 / 64  # a first scale below this takes bytes, not unit images


def load_student(path):
    """Loads a student from a .keras file.

    Layers that augment images are taken out: teacher and student have to see the same view.

    Args:
        path: of the file.

    Returns:
        A Keras model of unit images without augmentation.

    Raises:
        RequestError: for a file that is no classifier, whose first layer takes bytes, or whose
            layers are all frozen.
    """
    student = models.load_classifier(path)
    if not student.trainable_variables:
        raise RequestError(
            "`student` cannot learn. Expected layers with trainable weights. Received: "
            f"{str(path)!r}, whose layers are all frozen. Set `trainable=True` and save it again"
        )
    _check_takes_unit_images(student, path)
    frozen = [layer.name for layer in leaf_layers(student) if layer.weights and not layer.trainable]
    if frozen:
        logger.warning(
            "student: %d layers are frozen and keep their weights, the first %r",
            len(frozen),
            frozen[0],
        )
    return without_augmentation(student)


def without_augmentation(student):
    """Returns a student without the layers that augment images, and says which they were."""
    found = [layer.name for layer in leaf_layers(student) if _augments(layer)]
    if not found:
        return student
    logger.warning(
        "student: augmentation layers are taken out, so that it sees the teacher's view: %s",
        ", ".join(found),
    )
    serialized = keras.saving.serialize_keras_object(student)
    copy = keras.saving.deserialize_keras_object(_plain(serialized, set(found)))
    copy.set_weights(student.get_weights())
    return copy


def warn_of_size(student, teacher):
    """Logs a warning where a student is no smaller than its teacher."""
    if _same_network(student, teacher):
        logger.warning("the student is the same network as the teacher, with the same weights")
        return
    costs = [models.macs(network) for network in (student, teacher)]
    if None not in costs and costs[0] > costs[1]:
        logger.warning(
            "the student is larger than its teacher: %s against %s multiply-accumulates an image; "
            "are they swapped?",
            *(f"{cost:,}" for cost in costs),
        )


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
    replaced = {"module": "keras.layers", "class_name": "Activation", "registered_name": None}
    return node | replaced | {"config": kept | {"activation": "linear"}}


def _augments(layer):
    is_keras = type(layer).__module__.startswith("keras.")
    name = type(layer).__name__
    return is_keras and (name.startswith("Random") or name in _AUGMENTATIONS)


_AUGMENTATIONS = ("AugMix", "CutMix", "MixUp", "RandAugment", "Pipeline")


def _check_takes_unit_images(student, path):
    scale = 1.0
    for layer in layers_in_order(student):
        if isinstance(layer, keras.layers.Rescaling):
            scale *= float(keras.ops.max(keras.ops.abs(layer.scale)))
        elif layer.weights:
            break
    if scale < _BYTES:
        raise RequestError(
            "`student` takes pixels in [0, 255]. Expected unit images, in [0, 1]. Received: a "
            f"Rescaling by {scale:.4g} in {str(path)!r}. Save it without that layer"
        )


def _same_network(student, teacher):
    ours, theirs = student.get_weights(), teacher.get_weights()
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and (a == b).all() for a, b in zip(ours, theirs, strict=True)
    )
