"""Choice of the range of pixels that a teacher was trained on, by what it stores of them.

The moving statistics of the first batch normalization are those of a linear map of the training
images where only convolutions lie before it. From them mean and standard deviation of the
training pixels are estimated, in the scale of the network, whatever the images showed. Each
hypothesis translates them to unit images, where they have to be possible, as no pixel is below 0
or above 1, and are more or less usual.
"""

import dataclasses
import math

import keras
import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.initial_values import is_untrained
from mosaickd_tf.models.graph.parts import outputs_in_parts
from mosaickd_tf.models.graph.walk import layers_in_order
from mosaickd_tf.teachers.adaptation import CAFFE_MEANS, RANGES, of_unit_images
from mosaickd_tf.teachers.pixel_moments import estimate_moments

HYPOTHESES = ("unit", "signed", "bytes", "imagenet", "caffe")
FIXED = {"unit": (0, 1), "signed": (-1, 1), "bytes": (0, 255)}  # lowest and highest value
MARGIN = 0.9  # natural logarithm of odds, calibrated by benchmarks/input_ranges.py
_CONTRADICTION = 4.0  # by which statistics have to speak against the network's first layers
_UNIT_FIRST = 0.9  # natural logarithm of the odds of unit images before anything is seen
_USUAL_LOGIT_SCALE, _LOGIT_SPREAD = 4.0, 0.9  # of logits over images; the latter of its logarithm
_LOGIT_MARGIN = 4.0  # outputs are weak evidence
_NUM_IMAGES = 64  # for outputs


def decide(taken, model, images):
    """Decides on the range of pixels, or checks the one that was read off the first layers.

    Args:
        taken: a `TeacherInput`.
        model: the Keras model of the file.
        images: uint8 images `(n, height, width, channels)`, whose sides are taken where the
            teacher leaves its own open.

    Returns:
        The `TeacherInput` with `pixels`, `evidence` and `scores`.

    Raises:
        RequestError: when two hypotheses are close, with their scores and the flag for each.
    """
    height, width, channels = taken.image_shape
    sides = (height or images.shape[1], width or images.shape[2])
    in_range = _network_images(taken, model, sides)
    layers = _normalizations(in_range)
    if is_untrained(model) or (layers and all(_is_new(layer) for layer in layers)):
        if taken.pixels:
            return taken
        return dataclasses.replace(
            taken, pixels="unit", evidence="not trained: its weights are those of the start"
        )
    moments = (
        estimate_moments(in_range, layers, _as_taken(images, sides, channels)) if layers else None
    )
    if moments:
        scores, needed = _by_moments(taken, moments), MARGIN
        source = "statistics of BatchNormalization"
    elif taken.pixels:
        return taken
    else:
        outputs = _outputs(taken, model, _as_taken(images, sides, channels))
        first, *others = outputs.values()
        if all(np.allclose(other, first, rtol=1e-3, atol=1e-6) for other in others):
            return dataclasses.replace(taken, pixels="unit", evidence="outputs are those of any")
        scores = {name: _usual_logits(values) for name, values in outputs.items()}
        needed, source = _LOGIT_MARGIN, "outputs"
    return _chosen(taken, scores, needed, source)


def _chosen(taken, scores, needed, source):
    """Returns the input with the best hypothesis, unless another is close."""
    best, second = sorted(scores, key=scores.get, reverse=True)[:2]
    margin = scores[best] - scores[second]
    if taken.pixels:
        against = scores[best] - scores[taken.pixels]
        if against < _CONTRADICTION:
            return dataclasses.replace(taken, scores=scores)
        raise _unsure(taken, scores, f"{taken.evidence} says {taken.pixels}, {source} say {best}")
    if margin < needed:
        raise _unsure(
            taken, scores, f"{source} leave it open, a margin of {margin:.1f} of {needed}"
        )
    evidence = f"{source}, {best} before {second} by {margin:.1f}"
    return dataclasses.replace(taken, pixels=best, evidence=evidence, scores=scores)


def _unsure(taken, scores, reason):
    layout = "with channels_first, " if taken.channels_first else ""
    listed = ", ".join(
        f"teacher_input={name} ({scores[name]:.1f})"
        for name in sorted(scores, key=scores.get, reverse=True)
    )
    return RequestError(
        "The range of pixels that the `teacher` expects cannot be told. Expected one clearly best "
        f"`teacher_input`. Received: {taken.path!r}, {layout}{reason}; scores: {listed}. Choose "
        "the one it was trained with"
    )


def _normalizations(model):
    """Lists the batch normalizations of a model, in the order of computation."""
    layers = layers_in_order(model)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def _is_new(layer):
    mean, variance = (
        keras.ops.convert_to_numpy(value) for value in (layer.moving_mean, layer.moving_variance)
    )
    return bool(np.all(mean == 0) and np.all(variance == 1))


def _network_images(taken, model, sides):
    """Returns the model as one of images in its own range, in the usual order of axes."""
    plain = dataclasses.replace(taken, pixels="unit")
    return of_unit_images(model, plain, (*sides, taken.image_shape[2]))


def _as_taken(images, sides, channels):
    """Returns unit images, float32, of the teacher's own shape."""
    images = images.astype("float32") / 255
    if images.shape[-1] > channels:
        images = images.mean(axis=-1, keepdims=True)
    images = np.repeat(images, channels // images.shape[-1], axis=-1)
    resized = keras.ops.image.resize(images, sides, antialias=True, data_format="channels_last")
    return keras.ops.convert_to_numpy(resized)


def _hypotheses(taken):
    return HYPOTHESES if taken.image_shape[2] == 3 else tuple(FIXED)


def to_unit(name, mean, std):
    """Translates moments of pixels in a range to those of unit images.

    Args:
        name: of the range.
        mean: of each channel, `(channels,)`, in that range.
        std: of all pixels, a float.

    Returns:
        The mean of each channel, and the standard deviation, of unit images.
    """
    if name == "caffe":
        return (mean + np.asarray(CAFFE_MEANS))[::-1] / 255, std / 255
    offset, scale = map(np.asarray, RANGES[name])
    return mean * scale + offset, float(std * np.mean(scale))


def _by_moments(taken, moments):
    """Returns the score of each hypothesis, a natural logarithm of odds."""
    scores = {}
    for name in _hypotheses(taken):
        mean, std = to_unit(name, moments.mean, moments.std)
        error, _ = to_unit(name, moments.mean_error, 0.0)
        error = np.abs(error - to_unit(name, 0 * moments.mean_error, 0.0)[0])
        score = plausibility(mean, std, error, min(moments.log_std_error, 0.5))
        scores[name] = score + (_UNIT_FIRST if name == "unit" else 0.0)
    return scores


def plausibility(mean, std, mean_error=0.0, log_std_error=0.0):
    """Returns how usual moments are for images, as an unnormalized natural logarithm.

    A standard deviation is at most `√(mean (1 - mean))`, as of black and white pixels alone. Of
    photographs it is about half of that, of bright strokes on black nearly all.

    Args:
        mean: of each channel of unit images, `(channels,)`; outside of [0, 1] where impossible.
        std: of all pixels, positive.
        mean_error: standard errors of the means.
        log_std_error: that of the natural logarithm of the standard deviation.
    """
    beyond = np.maximum(0, np.maximum(-mean, mean - 1))
    impossible = 0.5 * float(np.max((beyond / np.maximum(mean_error, 0.04)) ** 2))
    inside = np.clip(mean, 0.02, 0.98)
    largest = np.sqrt(inside * (1 - inside))
    share = math.log(max(std, 1e-6) / float(np.mean(largest)))
    excess = math.log(max(std, 1e-6) / float(np.min(largest)))
    impossible += 0.5 * max(0.0, excess - 0.05) ** 2 / (0.1**2 + log_std_error**2)
    center = float(np.mean(inside))
    usual = math.log(0.5 + 0.9 * max(0.0, 0.5 - center))
    off_center = 0.5 * ((center - 0.5) / 0.35) ** 2
    return -impossible - 0.5 * (share - usual) ** 2 / (0.35**2 + log_std_error**2) - off_center


def _outputs(taken, model, images):
    """Returns the first output for images, float64 `(n, values)`, by hypothesis."""
    outputs = {}
    for name in _hypotheses(taken):
        network = of_unit_images(model, dataclasses.replace(taken, pixels=name), images.shape[1:])
        values = outputs_in_parts(network, images[:_NUM_IMAGES])[0].astype("float64")
        outputs[name] = values.reshape(len(values), -1)
    return outputs


def _usual_logits(outputs):
    """Returns the score of outputs, logits or probabilities, by how much they differ over images.

    Pixels too small for a network leave its outputs nearly the same for all images; too large
    ones make it sure of everything, beyond what networks learn.
    """
    if outputs.min() >= 0 and outputs.max() <= 1:
        outputs = np.log(np.clip(outputs, 1e-30, None))
    scale = float(np.mean(np.std(outputs, axis=0))) + 1e-9
    return -0.5 * (math.log(scale / _USUAL_LOGIT_SCALE) / _LOGIT_SPREAD) ** 2
