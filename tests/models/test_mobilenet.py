"""MobileNets: strides by the size of images, shortcuts, initial values."""

import numpy as np
import pytest

from mosaickd_tf.models import macs, stage_outputs
from mosaickd_tf.models.mobilenet import mobilenet_v2, mobilenet_v3_small

# Channels at the end of each stage, as in the papers' tables.
WIDTHS = {mobilenet_v2: (24, 32, 96, 320), mobilenet_v3_small: (16, 24, 48, 96)}
FEATURES = {mobilenet_v2: 1280, mobilenet_v3_small: 576}


@pytest.fixture(scope="module", params=WIDTHS, ids=lambda builder: builder.__name__)
def builder_and_model(request):
    return request.param, request.param(num_classes=300)


def test_the_map_is_halved_three_times_instead_of_five(builder_and_model):
    builder, model = builder_and_model
    shapes = [model.get_layer(name).output.shape[1:] for name in stage_outputs(model)]
    sides = (32, 16, 8, 4)
    assert shapes == [(s, s, width) for s, width in zip(sides, WIDTHS[builder], strict=True)]
    assert model.get_layer("features").output.shape == (None, FEATURES[builder])


@pytest.mark.parametrize("builder", WIDTHS, ids=lambda builder: builder.__name__)
def test_the_map_of_a_large_image_is_halved_five_times_as_published(builder):
    model = builder(num_classes=1000, input_shape=(224, 224, 3))
    shapes = [model.get_layer(name).output.shape[1:] for name in stage_outputs(model)]
    sides = (56, 28, 14, 7)
    assert shapes == [(s, s, width) for s, width in zip(sides, WIDTHS[builder], strict=True)]
    millions = {mobilenet_v2: 300, mobilenet_v3_small: 56}[builder]  # the papers' tables
    assert round(macs(model) / 1e6) == pytest.approx(millions, abs=1)


def test_weights_start_as_torchvision_s_do(builder_and_model):
    """Checks PyTorch's fan-out, which for a depthwise kernel counts all its channels."""
    _, model = builder_and_model
    names = {layer.name for layer in model.layers}
    deepest = max(name for name in names if name.endswith("_expand"))
    depthwise = np.asarray(model.get_layer(deepest.replace("expand", "depthwise")).kernel)
    rows, columns, channels, _ = depthwise.shape
    np.testing.assert_allclose(depthwise.std(), np.sqrt(2 / (rows * columns * channels)), rtol=0.05)
    head = np.asarray(model.get_layer("head").kernel)
    np.testing.assert_allclose(head.std(), np.sqrt(2 / head.shape[-1]), rtol=0.03)
    logits = model.get_layer("logits")
    np.testing.assert_allclose(np.asarray(logits.kernel).std(), 0.01, rtol=0.02)
    np.testing.assert_array_equal(logits.bias, np.zeros(300))


def test_squeeze_layers_are_a_quarter_rounded_to_eight():
    """Compares with Table 2 of the paper, with the rounding of its authors' code."""
    model = mobilenet_v3_small(num_classes=2, input_shape=(8, 8, 1))
    squeezed = [layer.filters for layer in model.layers if layer.name.endswith("_squeeze_reduce")]
    assert squeezed == [8, 24, 64, 64, 32, 40, 72, 144, 144]
