"""Quantization-aware training: the model computes as its integer file will."""

import copy

import numpy as np

from mosaickd_tf.compression.toolkit import optimization_toolkit, tf_keras_module

_BATCH_SIZE = 64  # of images whose activations are measured


def quantization_aware(model, images):
    """Wraps a model so that its forward pass rounds as full int8 inference does.

    Every kernel and every output gets a range, with two exceptions. An output that only a ReLU
    takes has none: the runtime computes both as one operation. The kernel of a depthwise
    convolution has none: the converter gives it a range for each channel, and the toolkit could
    only simulate one for all of them, which is far coarser where it stands for a normalisation.
    The images keep the range [0, 255], so that the file takes uint8 images as they are.

    Ranges of outputs begin as those of the model on some images. The toolkit's own begin at -6 and
    6 and go a thousandth of the way in each update, so that a short training would not get there.

    Args:
        model: a tf_keras model as `to_tf_keras` returns it; left as it is.
        images: uint8 `(n, height, width, channels)`, of those that it will be trained on.

    Returns:
        A tf_keras model from float images in [0, 255] to logits.
    """
    keras, toolkit = tf_keras_module(), optimization_toolkit().quantization.keras
    registry = toolkit.default_8bit.Default8BitQuantizeRegistry()
    ranges = {layer.name: _ranges(layer, model, registry, keras) for layer in model.layers[1:]}
    fresh = keras.models.clone_model(model)
    fresh.set_weights(model.get_weights())
    annotated = keras.models.clone_model(
        fresh,
        clone_function=lambda layer: toolkit.quantize_annotate_layer(layer, ranges[layer.name]),
    )
    with toolkit.quantize_scope():
        quantized = toolkit.quantize_apply(annotated, scheme=_Scheme(toolkit))
    lowest, highest = quantized.layers[1].quantizer_vars.values()  # of the images
    lowest.assign(0.0)
    highest.assign(255.0)
    _initialize_ranges(quantized, model, images, keras)
    return quantized


def _initialize_ranges(quantized, model, images, keras):
    """Sets the ranges of outputs to those of the model on the images, extended to hold 0."""
    ranged = {
        layer.name.removeprefix("quant_"): ends
        for layer in quantized.layers[2:]
        if len(ends := _ends(layer)) == 2
    }
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in ranged])
    extremes = []
    for start in range(0, len(images), _BATCH_SIZE):
        maps = outputs(images[start : start + _BATCH_SIZE].astype("float32"), training=False)
        extremes.append([(np.min(map_), np.max(map_)) for map_ in maps])
    lowest, highest = np.min(extremes, axis=0)[:, 0], np.max(extremes, axis=0)[:, 1]
    for (low, high), least, most in zip(ranged.values(), lowest, highest, strict=True):
        low.assign(min(least, 0.0))
        high.assign(max(most, 0.0))


def _ends(layer):
    """Returns the variables of a layer's output range, lowest and highest, if it has one."""
    by_name = {variable.name.split("/")[-1]: variable for variable in layer.weights}
    return [by_name[name] for name in ("output_min:0", "output_max:0") if name in by_name]


def _ranges(layer, model, registry, keras):
    """Returns the toolkit's configuration of what in a layer gets a range."""
    known = layer if registry.supports(layer) else keras.layers.Add()  # a Multiply, for example
    config = copy.copy(registry.get_quantize_config(known))  # the registry shares its objects
    if not hasattr(config, "weight_attrs"):  # padding and pooling keep the range of their input
        return config
    users = [other for other in model.layers if any(t is layer.output for t in _inputs(other))]
    config.quantize_output = not (len(users) == 1 and isinstance(users[0], keras.layers.ReLU))
    config.activation_attrs = []
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        config.weight_attrs = []
    return config


def _inputs(layer):
    inputs = layer.input
    return inputs if isinstance(inputs, list) else [inputs]


class _Scheme:
    """The toolkit's default scheme, except that ranges are where `_ranges` puts them.

    The default removes all ranges, that of the kernel too, from a convolution before a ReLU.
    """

    def __init__(self, toolkit):
        self.toolkit = toolkit

    def get_layout_transformer(self):
        """Returns itself; see `apply`."""
        return self

    def get_quantize_registry(self):
        """Returns the toolkit's configurations for layers without one of their own."""
        return self.toolkit.default_8bit.Default8BitQuantizeRegistry()

    def apply(self, model, layer_quantize_map):
        """Adds a range to the images and changes nothing else."""
        images = self.toolkit.default_8bit.default_8bit_transforms.InputLayerQuantize()
        transformer = self.toolkit.graph_transformations.model_transformer.ModelTransformer(
            model, [images], set(layer_quantize_map), layer_quantize_map
        )
        return transformer.transform()
