"""Checks that the networks of a method are built and fit together."""

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.augmentation import augmentation_layers
from mosaickd_tf.models.graph.input_prefix import input_prefix
from mosaickd_tf.models.graph.output_activation import check_returns_logits

_SMALLEST_SLOPE = 1 / 16  # of the first layers; one below it takes bytes, not unit images
_BUILD = "Build one by mosaickd_tf.models"
_WAYS = {
    "teacher": "Load a file by mosaickd_tf.teachers.load_teacher_file",
    "student": "Build one by mosaickd_tf.models.build_classifier",
}


def check_built(**networks):
    """Checks that every network, given by name, is a Keras model that has its variables.

    Raises:
        RequestError: for anything else, or a network that is not built.
    """
    for name, network in networks.items():
        if not isinstance(network, keras.Model):
            received = repr(network) if isinstance(network, str) else type(network).__name__
            raise RequestError(
                f"`{name}` must be a network. Expected a Keras model. Received: {received}. "
                f"{_WAYS.get(name, _BUILD)}"
            )
        if not network.built:
            raise RequestError(
                f"Every network must be built: call it once on a batch. Received: a {name} that "
                "is not"
            )


def check_same_task(teacher, student):
    """Checks that both models map images of the same shape to the same number of logits.

    Raises:
        RequestError: for two known shapes that differ.
    """
    for side in ("input", "output"):
        expected, received = known_shape(teacher, side), known_shape(student, side)
        if expected and received and expected != received:
            raise RequestError(
                f"Teacher and student must have the same {side} shape. Expected the teacher's "
                f"{expected}. Received: {received} of the student. Choose another `student`"
            )


def check_one_output(**networks):
    """Checks that every classifier, given by name, has one output `(batch, outputs)`.

    Raises:
        RequestError: for several outputs, a dict of them, or one of another rank.
    """
    for name, network in networks.items():
        outputs = getattr(network, "outputs", None)
        if not outputs:
            continue
        structure = outputs[0] if isinstance(network, keras.Sequential) else network.output
        kind = "" if structure is outputs[0] else f"a {type(structure).__name__} of "
        if not kind and len(outputs[0].shape) == 2:
            continue
        received = ", ".join(str(tuple(tensor.shape)) for tensor in outputs)
        raise RequestError(
            f"`{name}` must return logits. Expected one output (batch, outputs). Received: {kind}"
            f"{received}. Use mosaickd_tf.teachers.as_logits({name}, index=...)"
        )


def check_takes_unit_images(**networks):
    """Checks that no classifier, given by name, takes pixels in [0, 255].

    It is read off the graph: the dtype of the input, and the layers before the first weights.

    Raises:
        RequestError: for one that takes them.
    """
    for name, network in networks.items():
        received = bytes_evidence(network)
        if received:
            raise RequestError(
                f"`{name}` takes pixels in [0, 255]. Expected unit images, in [0, 1]. Received: "
                f"{received} in {network.name!r}. Leave that out, or put "
                "keras.layers.Rescaling(255) in front"
            )


def bytes_evidence(network):
    """Returns by what a network shows that it takes pixels in [0, 255], as text; or "".

    Args:
        network: a Keras model.
    """
    inputs = getattr(network, "inputs", None) or []
    if len(inputs) != 1:
        return ""
    if "float" not in inputs[0].dtype:
        return f"an input of {inputs[0].dtype}"
    if len(inputs[0].shape) != 4:
        return ""
    prefix = input_prefix(network)
    if prefix is None:
        return ""
    slope = float(abs(prefix.slope).max())
    return f"{' and '.join(prefix.layers)} by {slope:.4g}" if slope < _SMALLEST_SLOPE else ""


def check_own_weights(teacher, student):
    """Checks that teacher and student have no layers in common, and that the student can learn.

    Raises:
        RequestError: when they share variables, or all layers of the student are frozen.
    """
    shared = {id(v) for v in teacher.variables} & {id(v) for v in student.variables}
    if shared:
        raise RequestError(
            "`student` must have weights of its own. Expected a model without layers of the "
            f"teacher. Received: {len(shared)} variables of `teacher`, which is frozen. Copy it: "
            "keras.models.clone_model(student)"
        )
    if student.weights and not student.trainable_variables:
        raise RequestError(
            "`student` cannot learn. Expected layers with trainable weights. Received: "
            f"{student.name!r}, whose layers are all frozen. Set `student.trainable = True`"
        )


def check_sees_the_teacher_s_view(student):
    """Checks that a student does not augment the images that its teacher sees as they are.

    Raises:
        RequestError: for one with augmentation layers.
    """
    found = augmentation_layers(student)
    if found:
        raise RequestError(
            "`student` must see the teacher's view of an image. Expected a model without "
            f"augmentation layers. Received: {', '.join(found)}. Use "
            "mosaickd_tf.models.without_augmentation(student)"
        )


def check_discriminator(discriminator, teacher, patch_crops, crop_size):
    """Checks that a patch discriminator fits the teacher's images, or crops of them.

    Args:
        discriminator: Keras model from unit images, or from crops of them, to patch logits.
        teacher: Keras model from unit images to logits.
        patch_crops: 0, or how many crops of each image the discriminator takes.
        crop_size: side of the crops, or None where it is not known.

    Raises:
        RequestError: for one that is not built or does not return logits, and when they do not
            fit.
    """
    check_built(discriminator=discriminator)
    check_returns_logits(discriminator=discriminator)
    image_shape, seen = (known_shape(x, "input") for x in (teacher, discriminator))
    if image_shape and seen and not patch_crops and seen != image_shape:
        raise RequestError(
            f"The discriminator must take images of the teacher's input shape {image_shape}, or "
            f"crops of them with `patch_crops`. Received: {seen}"
        )
    if patch_crops and not crop_size:
        raise RequestError("`crop_size` is needed with a discriminator of unknown input shape")
    if patch_crops and image_shape and seen and seen[-1] != image_shape[-1]:
        raise RequestError(
            f"The discriminator must take crops of the images' {image_shape[-1]} channels. "
            f"Received: {seen[-1]} channels"
        )
    if patch_crops and image_shape and crop_size > min(image_shape[:2]):
        raise RequestError(
            f"Crops must be at most the images' {min(image_shape[:2])} pixels a side. "
            f"Received: {crop_size}"
        )


def known_shape(model, side):
    """Returns the shape of a model's `"input"` or `"output"` without the batch axis.

    Returns:
        A tuple, or None for a subclassed model, whose shapes Keras does not know.
    """
    try:
        return getattr(model, f"{side}_shape")[1:]
    except AttributeError:
        return None
