"""Updates that are not finite are not applied; losses are scaled for float16."""

import tensorflow as tf

_FIRST_SCALE = 2.0**15
_DOUBLED_AFTER = 2000  # updates in a row that were finite


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

    def apply(self, optimizer, gradients, variables, loss, scale=None):
        """One update, or none.

        Args:
            optimizer: a built Keras optimizer.
            gradients: list of tensors.
            variables: list of what they move.
            loss: the scalar that they come from.
            scale: the `LossScale` that they were computed with. An overflow that it made halves
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
    """A factor that keeps the gradients of a loss within what float16 can tell from 0.

    It doubles after many updates that were finite and halves after one that was not, down to 1.
    `keras.optimizers.LossScaleOptimizer` would stop the clock of the rounds at each overflow, and
    its scale has no lower end, where an update is no overflow any more but lost.

    Reference:
        - [Micikevicius et al., 2018](https://arxiv.org/abs/1710.03740)
    """

    def __init__(self):
        super().__init__()
        self.value = tf.Variable(_FIRST_SCALE, trainable=False)
        self._finite = tf.Variable(tf.zeros((), "int64"), trainable=False)

    def gradient(self, tape, loss, variables):
        """The gradients of a loss, computed from the scaled one, in the structure of variables.

        They are float32 whatever the variables are: float16 holds some of them only scaled.
        """
        scaled = tape.gradient(loss, variables, output_gradients=self.value.read_value())

        def unscaled(gradient):
            return None if gradient is None else tf.cast(gradient, "float32") / self.value

        return tf.nest.map_structure(unscaled, scaled)

    def halve(self, is_overflow):
        """Makes the next gradients half as large inside, if it is an overflow that they had.

        Args:
            is_overflow: a boolean scalar.

        Returns:
            Whether it could still be halved, a boolean scalar.
        """
        can_help = is_overflow & (self.value > 1.0)
        self.value.assign(tf.where(can_help, self.value / 2, self.value))
        self._finite.assign(0)
        return can_help

    def note_finite(self):
        """Counts an update that was finite."""
        is_due = self._finite.assign_add(1) % _DOUBLED_AFTER == 0
        self.value.assign(tf.where(is_due, self.value * 2, self.value))


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
