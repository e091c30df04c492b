"""Stateless random numbers: their distribution, and equality under XLA."""

import numpy as np
import tensorflow as tf

from mosaickd_tf.utils.stateless_random import random_bits, standard_normal

SEED = (7, 42)


def test_noise_is_standard_normal():
    draws = np.sort(standard_normal((200_000,), SEED).numpy().astype(np.float64))
    assert abs(draws.mean()) < 0.01 and abs(draws.std() - 1) < 0.01
    # Quantiles of the normal distribution at 2.5 %, 16 %, 84 % and 97.5 %, from tables.
    expected = [-1.95996, -0.99446, 0.99446, 1.95996]
    places = (np.array([0.025, 0.16, 0.84, 0.975]) * len(draws)).astype(int)
    np.testing.assert_allclose(draws[places], expected, atol=0.02)


def test_noise_is_finite_at_both_ends_of_the_range():
    for bits in (0, 2**32 - 1):
        cell = np.float32(bits >> 9)
        inside = (cell + np.float32(0.5)) * np.float32(2.0**-22) - np.float32(1)
        assert -1 < inside < 1


def test_noise_is_a_function_of_the_seed():
    first, again = standard_normal((8, 3), SEED), standard_normal((8, 3), SEED)
    other = standard_normal((8, 3), (7, 43))
    np.testing.assert_array_equal(first, again)
    assert not np.any(np.equal(first, other))


def test_numbers_are_the_same_under_xla():
    compiled = tf.function(standard_normal, jit_compile=True)
    np.testing.assert_allclose(
        compiled((64, 16), SEED), standard_normal((64, 16), SEED), rtol=1e-4, atol=1e-5
    )
    bits = tf.function(random_bits, jit_compile=True)
    np.testing.assert_array_equal(bits((64,), SEED), random_bits((64,), SEED))
