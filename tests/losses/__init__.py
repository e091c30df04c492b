"""Shared tensors and an independent float64 implementation, in probabilities, of the losses."""

import numpy as np
import tensorflow as tf

RNG = np.random.RandomState(7)
TEACHER = 3.0 * RNG.standard_normal((6, 5))
STUDENT = 3.0 * RNG.standard_normal((6, 5))
REAL = 2.0 * RNG.standard_normal((6, 3, 2, 1))
FAKE = 2.0 * RNG.standard_normal((6, 3, 2, 1))


def close(received, expected, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(np.asarray(received), expected, rtol=rtol, atol=atol)


def gradients(loss, *logits):
    variables = [tf.Variable(x, dtype=tf.float32) for x in logits]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    return [g.numpy() for g in tape.gradient(value, variables)]


def softmax64(logits):
    exponentials = np.exp(np.asarray(logits, np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def kl64(teacher_logits, student_logits):
    p, q = softmax64(teacher_logits), softmax64(student_logits)
    return np.mean((p * np.log(p / q)).sum(axis=-1))
