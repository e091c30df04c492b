"""What pruning and clustering share: kernels in the toolkit's wrappers."""

import tensorflow as tf

from mosaickd_tf.compression.toolkit import tf_keras_module


def has_kernel(layer):
    """Whether it is a convolution or a dense layer, whose weights are worth compressing.

    The depthwise convolutions of a phone's network hold few weights and suffer most.
    """
    layers = tf_keras_module().layers
    return isinstance(layer, (layers.Conv2D, layers.Dense))


def wrapped(twin, wrap):
    """A copy of a twin, each layer with a kernel wrapped.

    Args:
        twin: a functional tf_keras model; left as it is.
        wrap: from a layer to the layer in its place.

    Returns:
        A tf_keras model.
    """
    clone = tf_keras_module().models.clone_model
    copy = clone(twin)  # a wrapper takes the very layer that it is given
    copy.set_weights(twin.get_weights())
    return clone(copy, clone_function=lambda layer: wrap(layer) if has_kernel(layer) else layer)


def zeros_kept(model):
    """Makes a function that brings back the zeros which the kernels of a model hold now.

    Args:
        model: a tf_keras model, wrapped or not.

    Returns:
        A function without arguments, to be called after each update, in a graph too.
    """
    kernels = [variable for variable in model.trainable_variables if variable.shape.rank > 1]
    masks = [(kernel, tf.cast(kernel != 0, kernel.dtype)) for kernel in kernels]

    def bring_back():
        for kernel, mask in masks:
            kernel.assign(kernel * mask)

    return bring_back
