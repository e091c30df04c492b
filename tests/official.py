"""Weights under the official names, images, and PyTorch's logits of them, in NumPy alone.

The golden file holds, by network, the names and shapes of the state dict and the logits.
Weights come from `RandomState`, whose streams NumPy keeps for good, each keyed on its name.
"""

import json
import math
import pathlib
import zlib

import numpy as np

GOLDEN = pathlib.Path(__file__).parent / "golden" / "classifiers.npz"

NUM_CLASSES = 5
MEAN, STD = (0.45, 0.5, 0.4), (0.2, 0.25, 0.3)
# Network and side of the images: at 64 pixels VGG pools once more.
CASES = [("wrn16_2", 32), ("resnet18", 16), ("resnet34", 16), ("vgg11_bn", 32), ("vgg11_bn", 64)]


def state(shapes):
    """Returns a state dict of random float32 arrays in which no statistic is neutral.

    Args:
        shapes: dict from the official names to shapes.
    """
    return {key: _weight(key, tuple(shape)) for key, shape in shapes.items()}


def _weight(key, shape):
    rng = np.random.RandomState(zlib.crc32(key.encode()))
    if key.endswith("num_batches_tracked"):
        return np.array(7)
    if len(shape) > 1:  # outputs first
        gain = 0.25 if "conv2" in key else 2.0  # residuals are small, so that sums stay so
        values = math.sqrt(gain / np.prod(shape[1:])) * rng.standard_normal(shape)
    elif key.endswith(("weight", "running_var")):
        values = rng.uniform(0.5, 1.5, shape)
    else:
        values = 0.2 * rng.standard_normal(shape)
    return values.astype(np.float32)


def images(side):
    """Returns four float32 unit images, `(4, side, side, 3)`."""
    rng = np.random.RandomState(side)
    return rng.uniform(size=(4, side, side, 3)).astype(np.float32)


def golden(name, side):
    """Returns `(shapes, logits)` of a case, as `tests.reference_classifiers` wrote them."""
    with np.load(GOLDEN) as arrays:
        return json.loads(str(arrays[f"{name}_shapes"])), arrays[f"{name}_{side}"]
