"""Layers and initializers shared by the networks."""

import keras
from keras import layers

from mosaickd_tf.errors import RequestError

# = torch's momentum 0.1 and epsilon 1e-5.
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}
LEAKY_SLOPE = 0.2


def height_and_width(image_size):
    """Returns height and width of images whose size is a side or a pair."""
    return tuple(image_size) if isinstance(image_size, tuple | list) else (image_size, image_size)


def normalized_input(input_shape, mean, std, *, smallest):
    """Builds the first layers of a classifier: unit images and their standardization.

    Args:
        input_shape: `(height, width, channels)` of the unit images.
        mean: mean of each channel; 0.5 if None.
        std: standard deviation of each channel; 0.25 if None.
        smallest: minimum height and width, in pixels, that the network supports.

    Returns:
        `(inputs, standardized)`, two tensors of a functional model.

    Raises:
        RequestError: for smaller images.
    """
    height, width, channels = input_shape
    if min(height, width) < smallest:
        raise RequestError(
            f"The images are too small for this network. Expected at least {smallest}x{smallest} "
            f"pixels. Received: {height}x{width}. Choose a larger `image_size`"
        )
    inputs = keras.Input(input_shape, name="unit_images")
    return inputs, standardization(mean or [0.5] * channels, std or [0.25] * channels)(inputs)


def standardization(mean, std):
    """Builds the layer that standardizes unit images to zero mean and unit variance.

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
    """Returns PyTorch's default initializer of kernels: `U(±1/√fan_in)`."""
    return keras.initializers.VarianceScaling(scale=1 / 3, mode="fan_in", distribution="uniform")


def torch_uniform_bias(fan_in):
    """Returns PyTorch's default initializer of biases, by the fan-in of the layer's kernel."""
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)


def fan_out_normal():
    """Returns a normal initializer of variance `2 / fan_out`, for wide residual networks."""
    return keras.initializers.VarianceScaling(
        scale=2.0, mode="fan_out", distribution="untruncated_normal"
    )


def small_normal():
    """Returns a normal initializer of deviation 0.01, for the logits of VGG and MobileNet."""
    return keras.initializers.RandomNormal(stddev=0.01)


def convolve(hidden, filters, name, initializer, *, size=3, stride=1, use_bias=False):
    """Applies a convolution with symmetric zero padding, also when the stride is 2.

    Args:
        hidden: `(batch, height, width, channels)`.
        filters: number of output channels.
        name: name of the layer.
        initializer: function that returns an initializer for the kernel; a function, because an
            initializer that is used twice gives the same values twice.
        size: side of the kernel, odd.
        stride: 1 keeps height and width, 2 halves them, rounded up.
        use_bias: whether to add a bias, initially zero.
    """
    padding = "same"
    if stride > 1:
        hidden, padding = pad(hidden, size // 2, name=f"{name}_pad"), "valid"
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=initializer(),
        name=name,
    )(hidden)


def norm(hidden, name):
    """Applies batch normalization, a layer called `{name}_norm`."""
    return layers.BatchNormalization(**BATCH_NORM, name=f"{name}_norm")(hidden)


def norm_relu(hidden, name):
    """Applies batch normalization and ReLU, layers called `{name}_norm` and `{name}_relu`."""
    return layers.ReLU(name=f"{name}_relu")(norm(hidden, name))


def global_average_pool(hidden):
    """Averages each channel over the whole map, a layer called `features`."""
    return layers.GlobalAveragePooling2D(name="features")(hidden)


def logits(features, num_classes, kernel_initializer, bias_initializer="zeros"):
    """Applies the last dense layer of a classifier, float32 under every policy."""
    return layers.Dense(
        num_classes,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        dtype="float32",
        name="logits",
    )(features)


def pad(tensor, width, name=None):
    """Pads height and width on both sides, as "same" does not when the stride is 2."""
    return layers.ZeroPadding2D(width, name=name)(tensor) if width else tensor
