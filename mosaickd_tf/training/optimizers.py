"""Optimizers and schedules of the published recipe, and what the training loop sets of them."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class CosineOverRounds(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine decay to zero that counts rounds, so that all networks follow one schedule.

    The rate is constant inside a round, however often the network is updated in it.

    Args:
        peak: positive learning rate of the first round.
        num_rounds: positive number of rounds after which the rate is zero.
        updates_per_round: updates of this optimizer's network in a round.
    """

    def __init__(self, peak, num_rounds, updates_per_round=1):
        if peak <= 0 or num_rounds < 1 or updates_per_round < 1:
            raise ValueError(
                "`peak` must be positive, `num_rounds` and `updates_per_round` at least 1. "
                f"Received: peak={peak}, num_rounds={num_rounds}, "
                f"updates_per_round={updates_per_round}"
            )
        self.peak = peak
        self.num_rounds = num_rounds
        self.updates_per_round = updates_per_round

    def __call__(self, step):
        """Returns the rate of update number `step`, counted from 0."""
        played = ops.cast(ops.floor_divide(step, self.updates_per_round), "float32")
        share = ops.minimum(played / self.num_rounds, 1.0)
        return self.peak * 0.5 * (1.0 + ops.cos(math.pi * share))

    def get_config(self):
        """Returns the arguments, for saving."""
        return {
            "peak": self.peak,
            "num_rounds": self.num_rounds,
            "updates_per_round": self.updates_per_round,
        }


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class MomentumSGD(keras.optimizers.Optimizer):
    """SGD with momentum and weight decay as PyTorch defines them.

    `velocity = momentum · velocity + gradient + decay · weight`, then
    `weight = weight − rate · velocity`. Keras's own SGD keeps the rate inside the velocity
    and shrinks the weights beside it, which differs as soon as the rate changes.

    Args:
        learning_rate: float or schedule.
        momentum: in [0, 1).
        l2: weight decay, added to the gradient; at least 0.

    Reference:
        - [torch.optim.SGD](https://pytorch.org/docs/stable/generated/torch.optim.SGD.html)
    """

    def __init__(self, learning_rate=0.1, momentum=0.9, l2=0.0, name="momentum_sgd", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        if not 0.0 <= momentum < 1.0 or l2 < 0.0:
            raise ValueError(
                "`momentum` must be in [0, 1) and `l2` at least 0. "
                f"Received: momentum={momentum}, l2={l2}"
            )
        self.momentum = momentum
        self.l2 = l2

    def build(self, variables):
        """Creates a velocity for each variable."""
        if self.built:
            return
        super().build(variables)
        self.velocities = [
            self.add_variable_from_reference(variable, "velocity") for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable."""
        velocity = self.velocities[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype) + self.l2 * variable
        self.assign(velocity, self.momentum * velocity + gradient)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * velocity)

    def get_config(self):
        """Returns the arguments, for saving."""
        return {**super().get_config(), "momentum": self.momentum, "l2": self.l2}


def gan_adam(learning_rate=1e-3):
    """Returns Adam as the published recipe sets it for generator and discriminator."""
    return keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.999, epsilon=1e-8)


def has_schedule(optimizer):
    """Returns whether the rate is a schedule's, and so not part of the optimizer's state."""
    return isinstance(_rate(optimizer), keras.optimizers.schedules.LearningRateSchedule)


def peak(optimizer):
    """Returns the peak of a `CosineOverRounds`, or the rate where there is no schedule."""
    rate = _rate(optimizer)
    return rate.peak if has_schedule(optimizer) else float(optimizer.learning_rate)


def set_peak(optimizer, rate):
    """Sets what `peak` returns; a graph that holds a schedule has to be traced again."""
    if has_schedule(optimizer):
        _rate(optimizer).peak = rate
    else:
        optimizer.learning_rate = rate


def reset_optimizer(optimizer):
    """Resets a built optimizer to its first step, inside a graph too.

    Momenta and the count of updates become zero. For optimizers whose slots start at zero, which
    are all of Keras but Ftrl.
    """
    for variable in optimizer.variables:
        if variable is not _rate(optimizer):
            variable.assign(keras.ops.zeros_like(variable))


def _rate(optimizer):
    """Returns the schedule or the variable of the rate, which Keras has no public name for.

    `optimizer.learning_rate` is the present value of a schedule.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    return optimizer._learning_rate
