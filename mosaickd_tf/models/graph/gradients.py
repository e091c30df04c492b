"""Gradients of models whose graph is not known layer by layer."""

import tensorflow as tf

_SIDES = (32, 64, 96, 224, 299)  # tried where the images may have any


def has_gradients(model):
    """Returns whether gradients flow from any output of a model to its images.

    Args:
        model: a Keras model of one input of known rank.
    """
    shape = model.input_shape[1:]
    for side in _SIDES if None in shape else (None,):
        images = tf.zeros([1, *(side if size is None else size for size in shape)])
        with tf.GradientTape() as tape:
            tape.watch(images)
            try:
                outputs = tf.nest.flatten(model(images, training=False))
            except Exception:  # of a side that is too small
                continue
            outputs = [output for output in outputs if output.dtype.is_floating]
        try:
            return tape.gradient(outputs, images) is not None
        except Exception:  # TensorFlow raises various types for operations without gradients
            return False
    return False
