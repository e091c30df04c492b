"""Trainables whose rounds cost nothing, and readers of what their training writes."""

import itertools
import os

import tensorflow as tf

from mosaickd_tf.training import Plan, train
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.training.trainable import Trainable


class Killed(BaseException):
    """Stands for what ends a process at once."""


class Counter(Trainable):
    """A trainable whose state is the number of rounds trained."""

    def __init__(self, nan_from=None):
        self.count = tf.Variable(0)
        self.trained = []
        self.nan_from = nan_from

    def state(self):
        return {"count": self.count}

    def make_train_function(self, force=False):
        pass

    def train_function(self, batches):
        self.trained.append(next(batches))
        self.count.assign_add(1)
        is_nan = self.nan_from is not None and self.count.numpy() >= self.nan_from
        return {"adversarial_loss": float("nan") if is_nan else 0.5}

    def reset_metrics(self):
        pass


class Killing(Counter):
    """A counter that is killed in a round."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def train_function(self, batches):
        if int(self.count) + 1 == self.at:
            raise Killed
        return super().train_function(batches)


def run(trainable, folder, evaluate=lambda step: {}, *, name="", **plan):
    plan = {"rounds": 6, "evaluate_every": 1, "checkpoint_every": 1} | plan
    plan = Plan(batch_size=4, **plan)
    return train(trainable, itertools.count, plan, folder, evaluate, name=name)


def saved(folder, name="last"):
    """Returns the count of rounds in the state of a checkpoint, or None without one."""
    count = tf.Variable(-1)
    progress = Checkpoints(folder / "checkpoints", {"count": count}).restore(name)
    return None if progress is None else int(count.numpy())


def rounds_recorded(folder):
    return [row["round"] for row in read_rows(folder / "metrics.jsonl")]


def raise_at(step, error):
    def evaluate(trained):
        if trained == step:
            raise error
        return {}

    return evaluate


def kill_at(step, number):
    def evaluate(trained):
        if trained == step:
            os.kill(os.getpid(), number)
        return {"accuracy": trained / 10}

    return evaluate
