"""Networks of keras.applications with weights from an HDF5 file that holds weights alone."""

import collections
import dataclasses
import os
import pathlib
import tempfile

import keras

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import cause

_CLASSES = 1000  # of a network as it is built first, to learn from the file how many it has


@dataclasses.dataclass(frozen=True)
class _Network:
    """A network of keras.applications.

    Attributes:
        name: of its function.
        pixels: range of pixels of its published weights, a value of `teacher_input`.
        side: of its images, in pixels, where the caller names none.
    """

    name: str
    pixels: str
    side: int = 224


_NETWORKS = {
    "convnext_tiny": _Network("ConvNeXtTiny", "bytes"),
    "convnext_small": _Network("ConvNeXtSmall", "bytes"),
    "convnext_base": _Network("ConvNeXtBase", "bytes"),
    "convnext_large": _Network("ConvNeXtLarge", "bytes"),
    "convnext_xlarge": _Network("ConvNeXtXLarge", "bytes"),
    "densenet121": _Network("DenseNet121", "imagenet"),
    "densenet169": _Network("DenseNet169", "imagenet"),
    "densenet201": _Network("DenseNet201", "imagenet"),
    "efficientnet_b0": _Network("EfficientNetB0", "bytes"),
    "efficientnet_b1": _Network("EfficientNetB1", "bytes", 240),
    "efficientnet_b2": _Network("EfficientNetB2", "bytes", 260),
    "efficientnet_b3": _Network("EfficientNetB3", "bytes", 300),
    "efficientnet_b4": _Network("EfficientNetB4", "bytes", 380),
    "efficientnet_b5": _Network("EfficientNetB5", "bytes", 456),
    "efficientnet_b6": _Network("EfficientNetB6", "bytes", 528),
    "efficientnet_b7": _Network("EfficientNetB7", "bytes", 600),
    "efficientnet_v2_b0": _Network("EfficientNetV2B0", "bytes"),
    "efficientnet_v2_b1": _Network("EfficientNetV2B1", "bytes", 240),
    "efficientnet_v2_b2": _Network("EfficientNetV2B2", "bytes", 260),
    "efficientnet_v2_b3": _Network("EfficientNetV2B3", "bytes", 300),
    "efficientnet_v2_s": _Network("EfficientNetV2S", "bytes", 384),
    "efficientnet_v2_m": _Network("EfficientNetV2M", "bytes", 480),
    "efficientnet_v2_l": _Network("EfficientNetV2L", "bytes", 480),
    "inception_resnet_v2": _Network("InceptionResNetV2", "signed", 299),
    "inception_v3": _Network("InceptionV3", "signed", 299),
    "mobilenet": _Network("MobileNet", "signed"),
    "mobilenet_v2": _Network("MobileNetV2", "signed"),
    "mobilenet_v3_large": _Network("MobileNetV3Large", "bytes"),
    "mobilenet_v3_small": _Network("MobileNetV3Small", "bytes"),
    "nasnet_large": _Network("NASNetLarge", "signed", 331),
    "nasnet_mobile": _Network("NASNetMobile", "signed"),
    "resnet50": _Network("ResNet50", "caffe"),
    "resnet101": _Network("ResNet101", "caffe"),
    "resnet152": _Network("ResNet152", "caffe"),
    "resnet50_v2": _Network("ResNet50V2", "signed"),
    "resnet101_v2": _Network("ResNet101V2", "signed"),
    "resnet152_v2": _Network("ResNet152V2", "signed"),
    "vgg16": _Network("VGG16", "caffe"),
    "vgg19": _Network("VGG19", "caffe"),
    "xception": _Network("Xception", "signed", 299),
}


def load_application(path, network):
    """Builds a network of keras.applications with the weights of a file.

    The number of classes is read off the shapes of the weights. Weights do not tell the size of
    the images: the network is built for the size that is named, else its usual one.

    Args:
        path: a .weights.h5 file of Keras 3, or an HDF5 file of weights alone by Keras 1 or 2.
        network: name of the network, as "mobilenet_v2" or "MobileNetV2"; with ":160" behind it
            for images of 160 pixels a side, with ":96x160" for oblong ones.

    Returns:
        `(model, pixels, remarks)`: the Keras model from images to logits; the range of pixels, a
        value of `teacher_input`, of the network's published weights; a list of remarks.

    Raises:
        RequestError: for another network, a file that is not readable within limits, and weights
            of another network.
    """
    known, height, width = _parsed(network)
    if vetting.kind_of(path) != vetting.HDF5:
        raise RequestError(
            "`teacher_network` goes with a file of weights. Expected an HDF5 file as `teacher`. "
            f"Received: {str(path)!r}, a {vetting.kind_of(path)}. Leave `teacher_network` out"
        )
    stored = vetting.examine_arrays(path)
    with vetting.open_hdf5(path) as file:
        if "model_config" in file.attrs:
            raise RequestError(
                "`teacher_network` goes with a file of weights alone. Expected one as `teacher`. "
                f"Received: {str(path)!r}, which holds its network. Leave `teacher_network` out"
            )
        shapes = _shapes(file)
        is_legacy = "layer_names" in file.attrs or "layer_names0" in file.attrs
    try:
        model = _fitting(known, (height, width, 3), shapes)
        _load_weights(model, path, is_legacy)
    except RequestError:
        raise
    except Exception as error:  # Keras raises various types for weights of another network
        raise RequestError(
            f"The weights do not fit. Expected those of {known.name} of keras.applications with "
            f"its top. Received: {str(path)!r} of {stored:,} bytes ({cause(error)}). Choose another"
            " `teacher_network`, NAME:SIDE for images of another size, or save the whole model as "
            ".keras"
        ) from error
    remarks = [
        f"built for {height}x{width} images, which weights do not tell; "
        f"teacher_network={network.partition(':')[0]}:SIDE names another size"
    ]
    return model, known.pixels, remarks


def _parsed(network):
    """Returns the `_Network` of a name, and height and width of its images."""
    name, _, size = network.partition(":")
    names = {_plain(known): known for known in _NETWORKS}
    if _plain(name) not in names:
        hub = " A model of KerasHub is to be saved whole, as .keras." if "hub" in name else ""
        raise RequestError(
            f"No such network with a file of weights. Expected one of keras.applications: "
            f"{', '.join(_NETWORKS)}. Received: teacher_network={network!r}.{hub} Choose one, or "
            "save the whole model as .keras"
        )
    known = _NETWORKS[names[_plain(name)]]
    sides = size.split("x") if size else [str(known.side)]
    if len(sides) > 2 or not all(side.isdecimal() and 32 <= int(side) <= 1024 for side in sides):
        raise RequestError(
            "The images of `teacher_network` have no such size. Expected NAME, NAME:SIDE or "
            f"NAME:HEIGHTxWIDTH of 32 to 1024 pixels. Received: teacher_network={network!r}"
        )
    return known, int(sides[0]), int(sides[-1])


def _plain(name):
    return name.lower().replace("_", "").replace("-", "")


def _shapes(file):
    """Returns how often each shape occurs among the weights of an HDF5 file."""
    shapes = collections.Counter()

    def count(name, item):
        is_state = name.startswith("optimizer") or "seed_generator" in name
        if hasattr(item, "shape") and not is_state:
            shapes[item.shape] += 1

    file.visititems(count)
    return shapes


def _fitting(known, image_shape, shapes):
    """Builds a network with as many classes as weights of these shapes have.

    Raises:
        ValueError: where the shapes differ from those of the network by more than the classes.
    """
    model = _built(known, image_shape, _CLASSES)
    own = collections.Counter(tuple(variable.shape) for variable in model.weights)
    surplus = sorted((shapes - own).elements(), key=len)
    missing = sorted((own - shapes).elements(), key=len)
    if not surplus and not missing:
        return model
    top = [shape[:-1] for shape in missing if shape[-1:] == (_CLASSES,)]
    sides = {shape[-1] for shape in surplus if shape}
    if len(sides) == 1 and len(top) == len(missing) and top == [s[:-1] for s in surplus]:
        return _built(known, image_shape, sides.pop())
    raise ValueError(
        f"it lacks weights of shapes {_listed(missing)} and has surplus ones of {_listed(surplus)}"
    )


def _built(known, image_shape, classes):
    function = getattr(keras.applications, known.name)
    return function(
        weights=None, input_shape=image_shape, classes=classes, classifier_activation=None
    )


def _listed(shapes, at_most=3):
    more = [f"{len(shapes) - at_most} more"] if len(shapes) > at_most else []
    return ", ".join([*map(str, shapes[:at_most]), *more]) or "none"


def _load_weights(model, path, is_legacy):
    """Loads weights by the layout that the file has, whatever its name says."""
    with tempfile.TemporaryDirectory() as folder:
        link = pathlib.Path(folder, "legacy.h5" if is_legacy else "model.weights.h5")
        os.symlink(pathlib.Path(path).resolve(), link)
        model.load_weights(link)
