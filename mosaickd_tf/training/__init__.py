"""The outer loop of a run: plan, rounds, what goes wrong in them, checkpoints."""

from mosaickd_tf.training.loop import train
from mosaickd_tf.training.plan import Plan, Progress, plan_for

__all__ = ["Plan", "Progress", "plan_for", "train"]
