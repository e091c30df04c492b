"""Wrappers of kernels, shared by pruning and clustering."""

import tensorflow as tf

from mosaickd_tf.compression.toolkit import tf_keras_module


def has_kernel(layer):
    """Returns whether a layer is a convolution or a dense layer, whose weights are compressed.

    Depthwise convolutions have few weights and lose most accuracy.
    """
    layers = tf_keras_module().layers
    return isinstance(layer, (layers.Conv2D, layers.Dense))


def wrapped(model, wrap):
    """Copies a model with each layer that has a kernel wrapped.

    Args:
        model: a functional tf_keras model; left as it is.
        wrap: function of a layer that returns its wrapper.

    Returns:
        A tf_keras model.
    """
    clone = tf_keras_module().models.clone_model
    copy = clone(model)  # a wrapper uses the layer itself, not a copy
    copy.set_weights(model.get_weights())
    return clone(copy, clone_function=lambda layer: wrap(layer) if has_kernel(layer) else layer)


def restore_zeros(model):
    """Returns a function that restores the zeros which the kernels of a model hold now.

    Args:
        model: a tf_keras model, wrapped or not.

    Returns:
        A function without arguments, to be called after each update, in a graph too.
    """
    kernels = [variable for variable in model.trainable_variables if variable.shape.rank > 1]
    masks = [(kernel, tf.cast(kernel != 0, kernel.dtype)) for kernel in kernels]

    def restore():
        for kernel, mask in masks:
            kernel.assign(kernel * mask)

    return restore
