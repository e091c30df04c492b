"""The problem that both sides of the parity test solve, in NumPy alone.

Weights, images and noise come from `RandomState`, whose streams NumPy keeps for good, each
keyed on a name: no side depends on the order in which the other makes its variables.
"""

import math
import pathlib
import zlib

import numpy as np

GOLDEN = pathlib.Path(__file__).parent / "golden" / "round.npz"

IMAGE_SIZE = 12
NUM_CLASSES = 7
NOISE_DIM = 9
GENERATOR_FILTERS = 4
DISCRIMINATOR_FILTERS = 6
TEACHER_DEPTH, STUDENT_DEPTH = 16, 10
MEAN, STD = (0.45, 0.5, 0.4), (0.2, 0.25, 0.3)

BATCH_SIZE = 6
ROUNDS = 2
STUDENT_STEPS = 2
SCHEDULED_ROUNDS = 4  # of which two are run, so that the rate changes between them
TEMPERATURE = 2.0
LOSS_WEIGHTS = {"local": 0.6, "align": 0.8, "adversarial": 1.4, "balance": 3.0}
STUDENT_RATE, MOMENTUM, DECAY = 0.05, 0.9, 5e-4
GAN_RATE = 1e-3

GENERATOR_NOISE, FIRST_STUDENT_NOISE = 0, 3  # purposes of noise


def weight(network, layer, kind, shape):
    """Returns the first value of a weight; kernels are laid out as in Keras, outputs last."""
    rng = _stream(network, layer, kind)
    if kind == "kernel":
        scale = 3.0 if layer == "logits" else 1.0  # so that predictions are not all even
        return scale * math.sqrt(2.0 / np.prod(shape[:-1])) * rng.standard_normal(shape)
    if kind in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape)
    return 0.2 * rng.standard_normal(shape)


def patch_images(round_number):
    """Returns `(batch, size, size, 3)` unit images."""
    return _stream("patch", round_number).uniform(size=(BATCH_SIZE, IMAGE_SIZE, IMAGE_SIZE, 3))


def transfer_images(round_number):
    """Returns `(batch, student_steps, size, size, 3)` unit images."""
    shape = (BATCH_SIZE, STUDENT_STEPS, IMAGE_SIZE, IMAGE_SIZE, 3)
    return _stream("transfer", round_number).uniform(size=shape)


def noise(round_number, purpose):
    """Returns `(batch, noise_dim)` normal noise."""
    return _stream("noise", round_number, purpose).standard_normal((BATCH_SIZE, NOISE_DIM))


def _stream(*key):
    return np.random.RandomState(zlib.crc32("/".join(map(str, key)).encode()))
