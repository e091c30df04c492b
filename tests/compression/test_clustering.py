"""Clustered layers have few values, near those of the student."""

import numpy as np

from mosaickd_tf.compression import clustering
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from tests.compression import IMAGES, student


def model_with_zeros():
    made = to_tf_keras(student(), IMAGES)
    kernel = made.get_layer("conv").kernel
    kernel.assign(np.where(np.arange(8) % 2 == 0, 0.0, kernel))  # of each two, one is zero
    return made


def clustered(clusters, **options):
    model = clustering.cluster(model_with_zeros(), clusters, **options)
    model(IMAGES.astype("float32"), training=True)
    return clustering.unwrap(model)


def test_the_weights_of_each_layer_take_few_values():
    made = clustered(6)
    for name in ("stem", "conv", "logits"):
        assert len(np.unique(made.get_layer(name).kernel)) <= 6
    before, after = (m.get_layer("stem").kernel.numpy() for m in (model_with_zeros(), made))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9


def test_zeros_are_kept_on_request():
    kernel = clustered(6, keep_zeros=True).get_layer("conv").kernel.numpy()
    assert len(np.unique(kernel)) <= 6
    assert not np.any(kernel[..., ::2])  # those near zero join them


def test_a_layer_of_fewer_weights_than_values_is_left_alone():
    made = clustered(100)
    logits = made.get_layer("logits").kernel  # 8 x 5
    np.testing.assert_array_equal(logits, model_with_zeros().get_layer("logits").kernel)
