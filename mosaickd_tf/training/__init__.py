"""Training: the loop, its plan, checkpoints, divergence, metrics, optimizers."""

from mosaickd_tf.training.loop import TrainingLoop, train
from mosaickd_tf.training.plan import Plan, Progress, plan_for

__all__ = ["Plan", "Progress", "TrainingLoop", "plan_for", "train"]
