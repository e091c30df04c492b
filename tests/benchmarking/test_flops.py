"""Counts of operations by hand, and the peak of the machine."""

import tensorflow as tf

from mosaickd_tf.benchmarking import flops

IMAGES = tf.ones((2, 8, 8, 3))


def test_a_matrix_product_is_two_operations_for_each_pair_of_numbers():
    a, b = tf.ones((5, 7)), tf.ones((3, 7))
    count = flops.flop_of(lambda a, b: tf.matmul(a, b, transpose_b=True), a, b)
    assert count == 2 * 5 * 7 * 3
    count = flops.flop_of(lambda a, b: tf.matmul(a, b, transpose_a=True), a, tf.ones((5, 3)))
    assert count == 2 * 5 * 7 * 3


def test_a_convolution_and_both_of_its_gradients_cost_the_same():
    kernel = tf.ones((3, 3, 3, 4))

    def forward(images, kernel):
        return tf.nn.conv2d(images, kernel, 2, "SAME")

    def backward(images, kernel):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            loss = tf.reduce_sum(forward(images, kernel) ** 2)
        return tape.gradient(loss, [images, kernel])

    macs = (2 * 4 * 4 * 4) * (3 * 3 * 3)  # every output with every weight of its window
    assert flops.flop_of(forward, IMAGES, kernel) == 2 * macs
    assert flops.flop_of(backward, IMAGES, kernel) == 3 * 2 * macs


def test_a_depthwise_convolution_counts_one_channel_per_output():
    kernel = tf.ones((3, 3, 3, 2))

    def backward(images, kernel):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            outputs = tf.nn.depthwise_conv2d(images, kernel, (1, 1, 1, 1), "SAME") ** 2
        return tape.gradient(outputs, [images, kernel])

    macs = (2 * 8 * 8 * 6) * (3 * 3)
    assert flops.flop_of(backward, IMAGES, kernel) == 3 * 2 * macs


def test_branches_count():
    square = tf.ones((4, 4))

    def either(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.matmul(x, x), lambda: x)

    assert flops.flop_of(either, square) == 2 * 4**3


def test_a_function_counts_as_often_as_it_is_called():
    square = tf.ones((4, 4))
    inner = tf.function(lambda x: tf.matmul(x, x), autograph=False)
    outer = tf.function(lambda x: inner(inner(x)), autograph=False)
    assert flops.flop_of(lambda x: outer(x) + inner(x), square) == 3 * 2 * 4**3


def test_unused_operations_do_not_count_and_assignments_do():
    square, variable = tf.ones((4, 4)), tf.Variable(tf.zeros((4, 4)))

    def idle(x):
        tf.matmul(x, x)
        return x

    def assigns(x):
        variable.assign_add(tf.matmul(x, x))
        return x

    assert flops.flop_of(idle, square) == 0
    assert flops.flop_of(assigns, square) == 2 * 4**3


def test_the_peak_is_that_of_executed_work(monkeypatch):
    monkeypatch.setattr(flops, "_PROCESSOR_SIZES", (1, 64))
    monkeypatch.setattr(flops, "_fastest", lambda function: 0.5 if function() is None else 2.0)
    peaks = flops.peak_flop_per_second("mixed_bfloat16")
    assert peaks == {
        "convolution": 2 * (32 * 32 * 64) * (9 * 64) / 2.0,
        "matrix_product": 2 * 64**3 / 2.0,
    }
