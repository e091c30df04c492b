"""VGG: stages, the pooling that depends on the image, initial values."""

import numpy as np
import pytest

from mosaickd_tf.models import stage_outputs
from mosaickd_tf.models.vgg import vgg11_bn


@pytest.mark.parametrize(
    "side, sides",
    [(16, (16, 8, 4, 2, 2)), (32, (32, 16, 8, 4, 4)), (64, (64, 32, 16, 8, 4))],
)
def test_the_fourth_stage_is_pooled_at_64_pixels_only(side, sides):
    model = vgg11_bn(num_classes=10, input_shape=(side, side, 3))
    shapes = [model.get_layer(name).output.shape[1:] for name in stage_outputs(model)]
    widths = (64, 128, 256, 512, 512)
    assert shapes == [(s, s, width) for s, width in zip(sides, widths, strict=True)]
    assert model.get_layer("features").output.shape == (None, 512)


def test_weights_start_normal_with_fan_out_and_biases_at_zero():
    model = vgg11_bn(num_classes=200, input_shape=(8, 8, 3))
    convolution, logits = model.get_layer("stage3_block2_conv"), model.get_layer("logits")
    kernel = np.asarray(convolution.kernel)
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / (9 * 256)), rtol=0.01)
    assert np.abs(kernel).max() > 3 * kernel.std()  # not uniform, not truncated at two deviations
    np.testing.assert_allclose(np.asarray(logits.kernel).std(), 0.01, rtol=0.02)
    for layer in (convolution, logits):
        np.testing.assert_array_equal(layer.bias, np.zeros(layer.bias.shape))
