"""Updates that are not finite are not applied."""

import tensorflow as tf


class UpdateGuard(tf.Module):
    """Lets an optimizer move its networks only by numbers that are finite, and counts the others.

    Where an update is left out, the moving statistics that the same batch has moved go back to
    where they were after the update before, and the schedule goes on.

    Args:
        networks: the built Keras models that learn.

    Attributes:
        skipped: how many updates were left out, an int64 variable.
    """

    def __init__(self, networks):
        super().__init__()
        self.skipped = tf.Variable(tf.zeros((), "int64"), trainable=False)
        self._statistics = [
            variable
            for network in networks
            for variable in network.non_trainable_variables
            if variable.dtype.startswith(("float", "bfloat"))
        ]
        self.kept = [tf.Variable(v.numpy(), trainable=False) for v in self._statistics]

    def apply(self, optimizer, gradients, variables, loss):
        """One update, or none.

        Args:
            optimizer: a built Keras optimizer.
            gradients: list of tensors.
            variables: list of what they move.
            loss: the scalar that they come from.
        """

        def move():
            optimizer.apply(gradients, variables)
            for kept, variable in zip(self.kept, self._statistics, strict=True):
                kept.assign(variable)
            return self.skipped.read_value()

        def leave():
            optimizer.iterations.assign_add(1)
            for kept, variable in zip(self.kept, self._statistics, strict=True):
                variable.assign(kept)
            return self.skipped.assign_add(1)

        tf.cond(all_finite([loss, *gradients, *self._statistics]), move, leave)


def all_finite(tensors):
    """Whether every number is finite, a boolean scalar; None counts as such."""
    finite = [
        tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(t))) for t in tensors if t is not None
    ]
    return tf.reduce_all(tf.stack(finite))


def update_if_finite(mean, value):
    """Adds a value to a Keras mean; one that is not finite counts for nothing."""
    value = tf.cast(value, "float32")
    finite = tf.math.is_finite(value)
    mean.update_state(tf.where(finite, value, 0.0), sample_weight=tf.cast(finite, "float32"))
