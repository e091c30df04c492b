"""What layers take in or give out while a model is called, whatever kind of model it is."""

import contextlib
import functools

import keras

from mosaickd_tf.errors import RequestError


class ActivationCapture:
    """Calls a model and notes what passes some of its layers on the way.

    The layers may lie at any depth of nested or subclassed models. Gradients flow through
    what is noted as through the model's own output.

    Args:
        model: a Keras model.
        layers: the layers of it to watch.
        side: `"output"` or `"input"` of the layers.
    """

    def __init__(self, model, layers, side="output"):
        self.model = model
        self.layers = list(layers)
        self.side = side

    def __call__(self, inputs, training=False):
        """Calls the model.

        Returns:
            The model's output, and a list with the tensor noted at each layer.
        """
        notes = {}
        with contextlib.ExitStack() as stack:
            for layer in self.layers:
                stack.enter_context(_noting(layer, self.side, notes))
            outputs = self.model(inputs, training=training)
        return outputs, [notes[id(layer)] for layer in self.layers]


def layers_by_name(model, names):
    """Finds layers of a model, at any depth, by their names.

    Raises:
        RequestError: for a name that no layer, or more than one, has.
    """
    every = leaves(model)
    found = []
    for name in names:
        matches = [layer for layer in every if layer.name == name]
        if len(matches) != 1:
            known = ", ".join(layer.name for layer in every[:5])
            raise RequestError(
                f"Not a layer. Expected the name of one layer of {model.name!r}, such as {known}. "
                f"Received: {name!r}, which {len(matches)} layers have. Name another"
            )
        found += matches
    return found


def normalizations(model):
    """The batch normalisations of a model, at any depth."""
    return [x for x in leaves(model) if isinstance(x, keras.layers.BatchNormalization)]


def leaves(model):
    """The layers of a model that have none inside, at any depth."""
    return [layer for layer in model._flatten_layers() if not getattr(layer, "layers", None)]


@contextlib.contextmanager
def _noting(layer, side, notes):
    call = layer.call

    @functools.wraps(call)
    def noted(inputs, *args, **kwargs):
        outputs = call(inputs, *args, **kwargs)
        notes[id(layer)] = inputs if side == "input" else outputs
        return outputs

    layer.call = noted
    try:
        yield
    finally:
        del layer.call  # the class's own again
