"""The map of pixels by the first layers of a classifier."""

import dataclasses

import keras
import numpy as np

from mosaickd_tf.models.graph.walk import consumers, graph_nodes

# Layers and operations that act on each pixel alone, or move pixels, at inference.
_LAYERS = (
    "ActivityRegularization AugMix AutoContrast CenterCrop Cropping2D CutMix Dropout "
    "GaussianDropout GaussianNoise Identity InputLayer MixUp Normalization Permute RandAugment "
    "RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
    "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue "
    "RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation "
    "RandomSharpness RandomShear RandomTranslation RandomZoom Rescaling Reshape Resizing "
    "SpatialDropout2D ZeroPadding2D"
).split()
_OPERATIONS = (
    "Add Cast Concatenate Divide Flip GetItem Multiply Negative RGBToGrayscale Stack Subtract "
    "Transpose TrueDivide"
).split()
_PROBES = (0.0, 1.0, 255.0)  # values of constant images


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputPrefix:
    """The map of pixels by the first layers of a classifier: each output channel an affine one.

    Attributes:
        low: its value for a pixel of 0 in all channels, float64 `(channels,)`.
        slope: how much it grows with all channels of the pixel, likewise.
        layers: names of the classes of layers that change values, in order.
    """

    low: np.ndarray
    slope: np.ndarray
    layers: tuple[str, ...]


def input_prefix(model):
    """Reads what a classifier does to the values of pixels before its first weights.

    Args:
        model: a Keras model of one input of images.

    Returns:
        An `InputPrefix`, or None where nothing is done to them, or nothing that is affine.
    """
    functions, names = [], []
    _collect(model, functions, names)
    if not names:
        return None
    shape = [side or 32 for side in model.input_shape[1:]]
    values = []
    for value in _PROBES:
        images = keras.ops.full((1, *shape), value, dtype=model.inputs[0].dtype)
        for function in functions:
            images = function(images, training=False)
        values.append(_pixel(keras.ops.convert_to_numpy(images)))
    low, one, high = values
    slope = (high - low) / 255
    tolerance = 1e-3 * np.abs(slope) + 1e-5 * np.abs(low) + 1e-6
    is_affine = np.all(np.abs(one - low - slope) <= tolerance)
    return InputPrefix(low=low, slope=slope, layers=tuple(names)) if is_affine else None


def _collect(model, functions, names):
    """Appends models that compute the prefix, and the names of layers that change values."""
    if not getattr(model, "outputs", None):  # a subclassed model
        return
    functional = keras.Model(model.inputs, model.outputs)
    nodes = graph_nodes(functional)
    done, tensors = [], {id(tensor) for tensor in functional.inputs}
    for node in _in_order(functional, nodes):
        kind = type(node.operation).__name__
        is_layer = isinstance(node.operation, keras.layers.Layer)
        known = kind in (_LAYERS if is_layer else _OPERATIONS)
        if known and all(id(tensor) in tensors for tensor in node.input_tensors):
            done.append(node)
            tensors |= {id(tensor) for tensor in node.output_tensors}
    last = done[-1]
    if any(n not in done for node in done[:-1] for n in consumers(node, nodes)):
        return  # a layer with weights takes the images before they are mapped
    changing = [type(n.operation).__name__ for n in done]
    changing = [name for name in changing if name in ("Rescaling", "Normalization", *_OPERATIONS)]
    functions.append(keras.Model(functional.inputs, last.output_tensors[0]))
    names += changing
    following = consumers(last, nodes)
    if len(following) == 1 and isinstance(following[0].operation, keras.Model):
        _collect(following[0].operation, functions, names)


def _in_order(model, nodes):
    """Lists the nodes of a functional model in the order of computation."""
    order = {id(operation): place for place, operation in enumerate(model.operations)}
    return sorted(nodes, key=lambda node: order[id(node.operation)])


def _pixel(images):
    """Returns the value of the central pixel of each channel, whatever the order of axes."""
    image = np.asarray(images[0], "float64")
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[-1] not in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.ndim != 3:
        return image.reshape(-1)[:1]
    return image[image.shape[0] // 2, image.shape[1] // 2]
