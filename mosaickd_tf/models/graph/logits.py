"""Models that return the logits of a classifier, whatever its own output is."""

import math

import keras

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.output_activation import (
    PROBABILITIES,
    WEIGHTED,
    origin,
    output_activation,
)
from mosaickd_tf.models.graph.walk import call_again, output_index, producer

SMALLEST = 1e-30  # probability, whose logarithm has a finite gradient in float32
_ULP = 2.0**-24  # 1 less the largest float32 below 1


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class ProbabilityLogits(keras.layers.Layer):
    """Logits of probabilities, in float32.

    Those of a softmax are the logarithms, whose softmax are the probabilities again; those of a
    sigmoid are `log(p / (1 - p))`.

    Args:
        kind: "softmax" or "sigmoid".
        smallest: positive; smaller probabilities, and for a sigmoid those closer to 1, are taken
            as this one.
        **kwargs: of a Keras layer.
    """

    def __init__(self, kind, smallest=SMALLEST, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.kind = kind
        self.smallest = smallest

    def call(self, probabilities):
        """Returns float32 logits of the shape of the probabilities."""
        probabilities = keras.ops.cast(probabilities, "float32")
        if self.kind == "softmax":
            return keras.ops.log(keras.ops.clip(probabilities, self.smallest, 1.0))
        largest = 1.0 - max(self.smallest, _ULP)
        probabilities = keras.ops.clip(probabilities, self.smallest, largest)
        return keras.ops.log(probabilities) - keras.ops.log1p(-probabilities)

    def get_config(self):
        """Returns the arguments of the layer."""
        return super().get_config() | {"kind": self.kind, "smallest": self.smallest}


def logits_of(model, *, index=0, kind=None, num_labels=None, smallest=SMALLEST):
    """Returns a model of the same inputs whose only output are the logits of one of a model's.

    Where the graph shows the activation, the logits are those before it: exact, of the model's own
    layers, but for the last one with weights, which is copied without activation and in float32.
    Otherwise the probabilities become logits by `ProbabilityLogits`. The model is not changed.

    Args:
        model: a functional or sequential Keras model.
        index: number of the output.
        kind: values of the output: "logits", "softmax" or "sigmoid"; as the graph shows if None.
        num_labels: number of values of an image; as the graph shows if None.
        smallest: probability, as of `ProbabilityLogits`.

    Returns:
        A Keras model to float32 `(batch, num_labels)`; the model itself where it is one already.
    """
    activation = output_activation(model, index)
    kind = kind or (activation if activation in PROBABILITIES else "logits")
    output = model.outputs[index]
    num_labels = num_labels or _values(output)
    if kind == "logits":
        tensor = _before_activation(output, strip=False)
    elif activation == kind:
        tensor = _before_activation(output, strip=True)
    else:
        tensor = ProbabilityLogits(kind, smallest, name="probability_logits")(output)
    if tuple(tensor.shape[1:]) != (num_labels,):
        tensor = keras.layers.Reshape((num_labels,), dtype="float32", name="flat_logits")(tensor)
    if tensor.dtype != "float32":
        tensor = keras.layers.Activation("linear", dtype="float32", name="logits_float32")(tensor)
    if tensor is output and len(model.outputs) == 1:
        return model
    return keras.Model(_inputs(model), tensor, name=model.name)


def as_logits(model, *, index=0, kind=None):
    """Returns a classifier that ends in a softmax or sigmoid as one that returns logits.

    Args:
        model: a functional or sequential Keras model.
        index: number of the output that classifies.
        kind: values of the output, "logits", "softmax" or "sigmoid", where the graph does not show
            the activation.

    Returns:
        A Keras model of the same images to float32 logits `(batch, labels)`, which shares the
        model's layers but the last; the model itself where it returns such logits already.

    Raises:
        RequestError: where the graph of the model does not show the activation and `kind` is not
            given, for another `kind`, and for a subclassed model.
    """
    if not getattr(model, "outputs", None):
        raise RequestError(
            "`model` has no graph. Expected a functional or sequential model. Received: "
            f"{type(model).__name__}. Leave the last activation out of its `call`"
        )
    if kind is not None and kind not in ("logits", *PROBABILITIES):
        raise RequestError(
            "`kind` must name the values of the output. Expected logits, softmax or sigmoid. "
            f"Received: {kind!r}. Leave it out where the graph shows the activation"
        )
    activation = output_activation(model, index)
    if kind is None and activation not in (*PROBABILITIES, "linear", "log_softmax"):
        raise RequestError(
            "The last activation of `model` is not one of a classifier. Expected softmax, sigmoid "
            f"or none, in a functional or sequential model. Received: {activation or 'unknown'} in "
            f"{model.name!r}. Say its `kind`, or build the model from the layer before it"
        )
    return logits_of(model, index=index, kind=kind)


def _inputs(model):
    return model.inputs[0] if len(model.inputs) == 1 else model.inputs


def _values(tensor):
    return math.prod(side or 1 for side in tensor.shape[1:])


def _before_activation(tensor, strip):
    """Returns the tensor of which an activation is taken, of a last layer in float32.

    Args:
        tensor: symbolic output of a model.
        strip: whether the activation is still to be removed.
    """
    start = origin(tensor)
    node = producer(start)
    layer = node.operation
    if isinstance(layer, keras.Model):
        output = layer.outputs[output_index(start)]
        inner = _before_activation(output, strip)
        if inner is output:
            return tensor
        return call_again(node, keras.Model(_inputs(layer), inner, name=layer.name))
    if type(layer) in WEIGHTED:
        if not strip and (layer.compute_dtype == "float32" or layer.quantization_mode):
            return tensor
        return _again_in_float32(node, layer, strip)
    return _before_activation(node.input_tensors[0], strip=False) if strip else tensor


def _again_in_float32(node, layer, strip):
    """Calls a float32 copy of a layer, without its activation if `strip`, on the same input."""
    config = layer.get_config() | {"dtype": "float32"}
    if strip:
        config["activation"] = "linear"
    copy = type(layer).from_config(config)
    result = call_again(node, copy)
    copy.set_weights(layer.get_weights())
    return result
