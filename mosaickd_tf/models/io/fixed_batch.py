"""Functions of a fixed batch size, called on any number of images."""

import tensorflow as tf


def in_batches_of(size, function, images, specs):
    """Calls a function on images in batches of one size; zeros fill the last.

    Gradients flow through it where they flow through the function.

    Args:
        size: number of images that the function takes.
        function: function of images `(size, ...)` that returns a dict of tensors `(size, ...)`.
        images: tensor `(n, ...)`, of any n.
        specs: dict of the `tf.TensorSpec` of each of its outputs.

    Returns:
        A dict of tensors `(n, ...)`.
    """
    count = tf.shape(images)[0]
    filled = tf.pad(images, [[0, -count % size]] + [[0, 0]] * (images.shape.rank - 1))
    batches = tf.reshape(filled, tf.concat([[-1, size], tf.shape(images)[1:]], axis=0))
    batches.set_shape([None, size, *images.shape[1:]])
    rows = tf.map_fn(function, batches, fn_output_signature=specs)
    return {name: _joined(rows[name], count, spec) for name, spec in specs.items()}


def _joined(rows, count, spec):
    """Returns the first rows of batches `(batches, size, ...)` as one."""
    joined = tf.reshape(rows, tf.concat([[-1], tf.shape(rows)[2:]], axis=0))[:count]
    joined.set_shape([None, *spec.shape[1:]])
    return joined
