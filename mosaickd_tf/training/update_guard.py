"""Guards of an update: skipping what is not finite, loss scaling for float16."""

import tensorflow as tf

_FIRST_SCALE = 2.0**15
_DOUBLED_AFTER = 2000  # updates in a row that were finite


class UpdateGuard(tf.Module):
    """Applies updates that are finite, and skips and counts the others.

    Where an update is skipped, the moving statistics that the same batch has changed are restored
    to their values after the update before, and the schedule advances.

    Args:
        networks: the built Keras models that are trained.

    Attributes:
        skipped: number of updates that were skipped, an int64 variable.
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

    def apply(self, optimizer, gradients, variables, loss, scale=None):
        """Applies one update, or none.

        Args:
            optimizer: a built Keras optimizer.
            gradients: list of tensors.
            variables: list of the variables to update.
            loss: the scalar that the gradients are of.
            scale: the `LossScale` that they were computed with. An overflow that it caused halves
                it and does not count as skipped.
        """

        def move():
            if scale:
                scale.note_finite()
            optimizer.apply(gradients, variables)
            for kept, variable in zip(self.kept, self._statistics, strict=True):
                kept.assign(variable)
            return self.skipped.read_value()

        def leave():
            is_lost = True
            if scale:  # before the statistics go back
                is_overflow = all_finite([loss, *self._statistics])
                is_lost = ~scale.halve(is_overflow)
            optimizer.iterations.assign_add(1)
            for kept, variable in zip(self.kept, self._statistics, strict=True):
                variable.assign(kept)
            return self.skipped.assign_add(tf.cast(is_lost, "int64"))

        tf.cond(all_finite([loss, *gradients, *self._statistics]), move, leave)


class LossScale(tf.Module):
    """A factor that keeps the gradients of a loss within the range of float16.

    It doubles after many finite updates in a row and halves after one that was not finite, down to
    1. `keras.optimizers.LossScaleOptimizer` would stop the schedule at each overflow, and its
    scale has no lower limit, below which an update that is not finite is no overflow.

    Reference:
        - [Micikevicius et al., 2018](https://arxiv.org/abs/1710.03740)
    """

    def __init__(self):
        super().__init__()
        self.value = tf.Variable(_FIRST_SCALE, trainable=False)
        self._finite = tf.Variable(tf.zeros((), "int64"), trainable=False)

    def gradient(self, tape, loss, variables):
        """Computes the gradients of a loss from the scaled one, in the structure of `variables`.

        They are float32 whatever the variables are: some fit into float16 only when scaled.
        """
        scaled = tape.gradient(loss, variables, output_gradients=self.value.read_value())

        def unscaled(gradient):
            return None if gradient is None else tf.cast(gradient, "float32") / self.value

        return tf.nest.map_structure(unscaled, scaled)

    def halve(self, is_overflow):
        """Halves the scale after an overflow.

        Args:
            is_overflow: a boolean scalar; the scale is left as it is where it is false.

        Returns:
            A boolean scalar, whether the scale was halved.
        """
        can_help = is_overflow & (self.value > 1.0)
        self.value.assign(tf.where(can_help, self.value / 2, self.value))
        self._finite.assign(0)
        return can_help

    def note_finite(self):
        """Counts a finite update; doubles the scale when it is due."""
        is_due = self._finite.assign_add(1) % _DOUBLED_AFTER == 0
        self.value.assign(tf.where(is_due, self.value * 2, self.value))


def all_finite(tensors):
    """Returns whether every number is finite, a boolean scalar; None counts as finite."""
    finite = [
        tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(t))) for t in tensors if t is not None
    ]
    return tf.reduce_all(tf.stack(finite))


def update_if_finite(mean, value):
    """Adds a value to a Keras mean unless it is not finite."""
    value = tf.cast(value, "float32")
    finite = tf.math.is_finite(value)
    mean.update_state(tf.where(finite, value, 0.0), sample_weight=tf.cast(finite, "float32"))
