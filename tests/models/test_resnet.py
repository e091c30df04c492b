"""Residual networks: stages and initial values."""

import numpy as np

from mosaickd_tf.models import stage_outputs
from mosaickd_tf.models.resnet import resnet


def test_stages_halve_the_map_three_times():
    model = resnet(18, num_classes=10)
    shapes = [model.get_layer(name).output.shape[1:] for name in stage_outputs(model)]
    assert shapes == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]


def test_resnet34_has_3_4_6_and_3_blocks():
    model = resnet(34, num_classes=2, input_shape=(8, 8, 1))
    assert [name.split("_")[1] for name in stage_outputs(model)] == [
        f"block{count}" for count in (3, 4, 6, 3)
    ]


def test_weights_start_as_pytorch_leaves_them():
    """Checks `U(±1/√fan_in)` of convolutions, of the dense layer, and of its bias."""
    model = resnet(18, num_classes=500, input_shape=(8, 8, 3))
    for name, fan_in in (("stage2_block2_conv2", 9 * 128), ("stage4_block1_project", 256)):
        kernel = np.asarray(model.get_layer(name).kernel)
        np.testing.assert_allclose(kernel.std(), (3 * fan_in) ** -0.5, rtol=0.02)
        assert 0.99 * fan_in**-0.5 < np.abs(kernel).max() <= fan_in**-0.5 * (1 + 1e-6)
    for weight in (model.get_layer("logits").kernel, model.get_layer("logits").bias):
        np.testing.assert_allclose(np.asarray(weight).std(), (3 * 512) ** -0.5, rtol=0.06)


def test_no_two_layers_start_alike():
    model = resnet(18, num_classes=2, input_shape=(8, 8, 3))
    one, other = (np.asarray(model.get_layer(f"stage1_block1_conv{i}").kernel) for i in (1, 2))
    assert not np.allclose(one, other)
