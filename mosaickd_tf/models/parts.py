"""Layers and initial values that several networks share."""

import keras
from keras import layers

# = torch's momentum 0.1 and epsilon 1e-5.
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}
LEAKY_SLOPE = 0.2


def standardization(mean, std):
    """The normalisation with which every player starts: unit images to zero mean, unit variance.

    Args:
        mean: mean of the channels of unit images, a sequence of floats.
        std: their standard deviation, positive.

    Returns:
        A built-in layer, in float32 whatever the policy of the network.
    """
    return layers.Normalization(
        mean=[float(m) for m in mean],
        variance=[float(s) ** 2 for s in std],
        dtype="float32",
        name="standardization",
    )


def torch_uniform():
    """PyTorch's default for the weights of convolutions and linear layers: `U(±1/√fan_in)`."""
    return keras.initializers.VarianceScaling(scale=1 / 3, mode="fan_in", distribution="uniform")


def torch_uniform_bias(fan_in):
    """PyTorch's default for biases: `U(±1/√fan_in)` with the fan-in of the layer's weights."""
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)


def fan_out_normal():
    """Normal with variance `2 / fan_out`, as wide residual networks start."""
    return keras.initializers.VarianceScaling(
        scale=2.0, mode="fan_out", distribution="untruncated_normal"
    )


def pad(tensor, width):
    """Zero-pads height and width evenly, as "same" does not when the stride is 2."""
    return layers.ZeroPadding2D(width)(tensor) if width else tensor
