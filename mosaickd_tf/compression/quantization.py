"""Quantisation-aware training: the twin computes as its integer file will."""

from copy import copy

import numpy as np

from mosaickd_tf.compression.toolkit import optimization_toolkit, tf_keras_module

_AT_ONCE = 64  # images in a look at the activations


def quantization_aware(twin, images):
    """Wraps a twin so that its forward pass rounds as full int8 inference does.

    Every kernel and every output gets a range, with two exceptions. An output that only a ReLU
    takes has none: the runtime computes both as one operation. The kernel of a depthwise
    convolution has none: the converter gives it a range for each channel, and the toolkit could
    only simulate one for all of them, which is far coarser where it stands for a normalisation.
    The images keep the range [0, 255], so that the file takes uint8 pictures as they are.

    Ranges of outputs begin as those of the twin on some images. The toolkit's own begin at -6 and
    6 and go a thousandth of the way in each update, so that a short training would not get there.

    Args:
        twin: a tf_keras model as `to_tf_keras` gives it; left as it is.
        images: uint8 `(n, height, width, channels)`, of those that it will learn from.

    Returns:
        A tf_keras model from float images in [0, 255] to logits.
    """
    keras, toolkit = tf_keras_module(), optimization_toolkit().quantization.keras
    registry = toolkit.default_8bit.Default8BitQuantizeRegistry()
    ranges = {layer.name: _ranges(layer, twin, registry, keras) for layer in twin.layers[1:]}
    fresh = keras.models.clone_model(twin)
    fresh.set_weights(twin.get_weights())
    marked = keras.models.clone_model(
        fresh,
        clone_function=lambda layer: toolkit.quantize_annotate_layer(layer, ranges[layer.name]),
    )
    with toolkit.quantize_scope():
        model = toolkit.quantize_apply(marked, scheme=_Scheme(toolkit))
    lowest, highest = model.layers[1].quantizer_vars.values()  # of the images
    lowest.assign(0.0)
    highest.assign(255.0)
    _begin_ranges(model, twin, images, keras)
    return model


def _begin_ranges(model, twin, images, keras):
    """Sets the ranges of outputs to those that the twin's have on the images, 0 in each."""
    ranged = {
        layer.name.removeprefix("quant_"): ends
        for layer in model.layers[2:]
        if len(ends := _ends(layer)) == 2
    }
    outputs = keras.Model(twin.input, [twin.get_layer(name).output for name in ranged])
    seen = []
    for start in range(0, len(images), _AT_ONCE):
        maps = outputs(images[start : start + _AT_ONCE].astype("float32"), training=False)
        seen.append([(np.min(map_), np.max(map_)) for map_ in maps])
    lowest, highest = np.min(seen, axis=0)[:, 0], np.max(seen, axis=0)[:, 1]
    for (low, high), least, most in zip(ranged.values(), lowest, highest, strict=True):
        low.assign(min(least, 0.0))
        high.assign(max(most, 0.0))


def _ends(layer):
    """The variables of the least and the greatest value of a layer's output, if it has a range."""
    by_name = {variable.name.split("/")[-1]: variable for variable in layer.weights}
    return [by_name[name] for name in ("output_min:0", "output_max:0") if name in by_name]


def _ranges(layer, twin, registry, keras):
    """What of a layer gets a range, as the toolkit wants to be told."""
    known = layer if registry.supports(layer) else keras.layers.Add()  # a Multiply, for example
    config = copy(registry.get_quantize_config(known))  # it hands out the same one again
    if not hasattr(config, "weight_attrs"):  # padding and pooling keep the range that comes in
        return config
    users = [other for other in twin.layers if any(t is layer.output for t in _inputs(other))]
    config.quantize_output = not (len(users) == 1 and isinstance(users[0], keras.layers.ReLU))
    config.activation_attrs = []
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        config.weight_attrs = []
    return config


def _inputs(layer):
    inputs = layer.input
    return inputs if isinstance(inputs, list) else [inputs]


class _Scheme:
    """The toolkit's default but for one thing: ranges stand where `_ranges` put them.

    The default takes all ranges, that of the kernel too, from a convolution before a ReLU.
    """

    def __init__(self, toolkit):
        self.toolkit = toolkit

    def get_layout_transformer(self):
        """Itself; see `apply`."""
        return self

    def get_quantize_registry(self):
        """What the toolkit does with layers that have no configuration of their own."""
        return self.toolkit.default_8bit.Default8BitQuantizeRegistry()

    def apply(self, model, layer_quantize_map):
        """Gives the images a range and changes nothing else."""
        images = self.toolkit.default_8bit.default_8bit_transforms.InputLayerQuantize()
        transformer = self.toolkit.graph_transformations.model_transformer.ModelTransformer(
            model, [images], set(layer_quantize_map), layer_quantize_map
        )
        return transformer.transform()
