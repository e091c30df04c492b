"""A prepared method's stream of batches, and its images where it needs none."""

import types

import numpy as np

from mosaickd_tf.pipeline.prepared import PreparedMethod
from tests import tiny
from tests.pipeline.small_run import CONFIG, changed


def prepared(**optimization):
    config = changed("optimization", CONFIG, **optimization)
    return PreparedMethod(config=config, networks=None, plan=None)


def test_a_stream_from_a_later_round_continues_that_of_the_first():
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
    start = prepared(batch_size=4).batches(types.SimpleNamespace(transfer_factor=2), images)
    _, second, third = (batch for batch, _ in zip(start(0), range(3), strict=False))
    later, after = (batch for batch, _ in zip(start(1), range(2), strict=False))
    assert second["patch_images"].shape == (8, 8, 8, 1)  # the batch twice
    for expected, received in ((second, later), (third, after)):
        for name in expected:
            np.testing.assert_array_equal(expected[name], received[name])
    assert np.any(second["index"] != third["index"])


def test_images_of_a_method_that_needs_none_are_a_black_batch():
    images = prepared(batch_size=6).black_images(tiny.classifier(input_shape=(8, 12, 3)))
    assert images.shape == (6, 8, 12, 3) and images.dtype == np.uint8 and not images.any()
