"""A small game of four players, and what of them a phase moves."""

import tensorflow as tf

from mosaickd_tf.methods import MosaicDistiller
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny

PLAYERS = ("teacher", "student", "generator", "discriminator")


def distiller(players=None, cls=MosaicDistiller, jit_compile=False, **arguments):
    """A compiled distiller, of plain players unless told otherwise, the same each time."""
    tiny.seed_weights(0)
    made = cls(**(players or tiny.plain_players()), **arguments)
    made.compile(student_optimizer=MomentumSGD(0.05), jit_compile=jit_compile)
    return made


def play(made, batch=None):
    """The terms of one round."""
    made.reset_metrics()
    batch = tf.nest.map_structure(tf.constant, batch or tiny.batch())
    return {name: float(value) for name, value in made.train_step(batch).items()}


def what_moves(made, act):
    """The parts of the players that differ after `act` in at least one bit."""

    def parts():
        found = {}
        for name in PLAYERS:
            variables = getattr(made, name).variables
            found[name, "statistics"] = [v.numpy() for v in variables if "moving" in v.path]
            found[name, "weights"] = [v.numpy() for v in variables if "moving" not in v.path]
            if name != "teacher":
                optimizer = getattr(made, f"{name}_optimizer")
                found[name, "optimizer"] = [v.numpy() for v in optimizer.variables]
        return found

    before = parts()
    act()
    after = parts()
    return {part for part in before if not tiny.same_bits(before[part], after[part])}


def all_of(*names):
    return {(name, part) for name in names for part in ("weights", "statistics", "optimizer")}
