"""Capture of the inputs or outputs of layers while a model of any kind is called."""

import contextlib
import functools

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.walk import leaf_layers


class ActivationCapture:
    """Callable that runs a model and captures the inputs or outputs of some of its layers.

    The layers may lie at any depth of nested or subclassed models. Gradients flow through the
    captured tensors as through the model's own output.

    Args:
        model: a Keras model.
        layers: the layers of it to capture.
        side: `"output"` or `"input"` of the layers.
    """

    def __init__(self, model, layers, side="output"):
        self.model = model
        self.layers = list(layers)
        self.side = side

    def __call__(self, inputs, training=False):
        """Calls the model.

        Returns:
            `(outputs, captured)`: the model's output, and a list of one tensor per layer.
        """
        captured = {}
        with contextlib.ExitStack() as stack:
            for layer in self.layers:
                stack.enter_context(_capturing(layer, self.side, captured))
            outputs = self.model(inputs, training=training)
        return outputs, [captured[id(layer)] for layer in self.layers]


def layers_by_name(model, names):
    """Finds layers of a model, at any depth, by their names.

    Raises:
        RequestError: for a name that no layer, or more than one, has.
    """
    layers = leaf_layers(model)
    found = []
    for name in names:
        matches = [layer for layer in layers if layer.name == name]
        if len(matches) != 1:
            known = ", ".join(layer.name for layer in layers[:5])
            raise RequestError(
                f"Not a layer. Expected the name of one layer of {model.name!r}, such as {known}. "
                f"Received: {name!r}, which {len(matches)} layers have. Name another"
            )
        found += matches
    return found


def normalizations(model):
    """Lists the batch normalizations of a model, at any depth."""
    return [x for x in leaf_layers(model) if isinstance(x, keras.layers.BatchNormalization)]


@contextlib.contextmanager
def _capturing(layer, side, captured):
    """Replaces a layer's `call` by one that stores its input or output under the layer's id."""
    call = layer.call

    @functools.wraps(call)
    def capturing_call(inputs, *args, **kwargs):
        outputs = call(inputs, *args, **kwargs)
        captured[id(layer)] = inputs if side == "input" else outputs
        return outputs

    layer.call = capturing_call
    try:
        yield
    finally:
        del layer.call  # the method of the class applies again
