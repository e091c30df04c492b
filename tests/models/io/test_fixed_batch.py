"""Functions of a fixed batch size on any number of images."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.models.io.fixed_batch import in_batches_of

IMAGES = np.random.default_rng(0).normal(size=(7, 4, 2)).astype("float32")


def squared_sums(images):
    assert images.shape[0] == 3
    return {"sum": tf.reduce_sum(images**2, axis=1), "count": tf.ones((3,), tf.int64)}


SPECS = {"sum": tf.TensorSpec((3, 2)), "count": tf.TensorSpec((3,), tf.int64)}


@pytest.mark.parametrize("count", [1, 3, 7])
def test_rows_are_those_of_the_images_in_order(count):
    outputs = in_batches_of(3, squared_sums, tf.constant(IMAGES[:count]), SPECS)
    np.testing.assert_allclose(outputs["sum"], (IMAGES[:count] ** 2).sum(axis=1), rtol=1e-5)
    assert outputs["count"].numpy().tolist() == [1] * count


def test_gradients_flow_and_the_fill_has_no_part_in_them():
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = tf.function(lambda x: in_batches_of(3, squared_sums, x, SPECS))(images)
    np.testing.assert_allclose(tape.gradient(outputs["sum"], images), 2 * IMAGES, rtol=1e-5)
