"""Quantisation-aware training: the twin computes as its integer file will."""

from copy import copy

from mosaickd_tf.compression.legacy import legacy_keras, optimization_toolkit


def quantization_aware(twin):
    """Wraps a twin so that its forward pass rounds as full int8 inference does.

    Every kernel and every output gets a range, with two exceptions. An output that only a ReLU
    takes has none: the runtime computes both as one operation. The kernel of a depthwise
    convolution has none: the converter gives it a range for each channel, and the toolkit could
    only simulate one for all of them, which is far coarser where it stands for a normalisation.
    The images keep the range [0, 255], so that the file takes uint8 pictures as they are.

    Args:
        twin: a tf_keras model as `folded_twin` gives it; left as it is.

    Returns:
        A tf_keras model from float images in [0, 255] to logits.
    """
    keras, toolkit = legacy_keras(), optimization_toolkit().quantization.keras
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
    return model


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
