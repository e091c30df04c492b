"""Parameters and multiply-accumulates, counted by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.models import activations, build_classifier, macs, parameters, training_copy
from tests import tiny


def network(*hidden, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *hidden])


@pytest.mark.parametrize(
    "hidden, expected",
    [
        # positions · kernel · kernel · channels in · filters
        ([layers.Conv2D(5, 3, padding="same")], 64 * 9 * 3 * 5),
        ([layers.Conv2D(5, 3)], 36 * 9 * 3 * 5),
        ([layers.Conv2D(5, (3, 1), strides=2, padding="same")], 16 * 3 * 3 * 5),
        ([layers.Conv2D(6, 3, padding="same", groups=3)], 64 * 9 * 1 * 6),
        ([layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)], 64 * 9 * 3 * 2),
        ([layers.SeparableConv2D(5, 3, depth_multiplier=2)], 36 * (9 * 3 * 2 + 3 * 2 * 5)),
        ([layers.Conv2DTranspose(5, 3, strides=2)], 64 * 9 * 3 * 5),
        ([layers.Flatten(), layers.Dense(7)], 192 * 7),
        ([layers.Dense(7)], 64 * 3 * 7),  # at each of the 64 positions
        ([layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()], 0),
        ([layers.Conv2D(2, 1), layers.GlobalAveragePooling2D(), layers.Dense(4)], 64 * 6 + 8),
    ],
    ids="same valid strides groups depthwise separable transposed dense map free sum".split(),
)
def test_macs_by_hand(hidden, expected):
    assert macs(network(*hidden)) == expected


def test_macs_of_a_wide_residual_network_by_hand():
    """Counts WRN-10-1 on 8×8: one block per stage, on maps of 8×8, 4×4 … after strides 1, 2, 2."""
    stem = 64 * 9 * 3 * 16
    first = 64 * (9 * 16 * 16 + 9 * 16 * 16)  # as many filters as the stem: no projection
    second = 16 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    third = 4 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64)
    logits = 64 * 10
    assert macs(tiny.wide_resnet()) == stem + first + second + third + logits


def wide_resnet_macs(depth, width, classes):
    """Computes the same on 32×32, from depth and width instead of from layers."""
    blocks = (depth - 4) // 6
    total, channels = 1024 * 9 * 3 * 16, 16
    for stage, filters in enumerate((16 * width, 32 * width, 64 * width)):
        positions = 1024 // 4**stage
        total += positions * 9 * (channels * filters + (2 * blocks - 1) * filters**2)
        total += positions * channels * filters * (channels != filters)  # the projection
        channels = filters
    return total + channels * classes


@pytest.mark.parametrize("depth, width", [(16, 1), (16, 2), (40, 1)])
def test_macs_grow_with_depth_and_width_as_the_architecture_says(depth, width):
    model = build_classifier(f"wrn{depth}_{width}", num_classes=100)
    assert macs(model) == wide_resnet_macs(depth, width, classes=100)


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn"])
def test_macs_are_those_that_pytorch_passes_through(name):
    torch = pytest.importorskip("torch")
    from tests import reference_classifiers

    reference, counted = reference_classifiers.build(name), []
    for module in reference.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(
                lambda module, inputs, output: counted.append(
                    output[0, 0].numel() * module.weight.numel()
                )
            )
    with torch.no_grad():
        reference.eval()(torch.zeros(1, 3, 32, 32))
    classes = reference_classifiers.official.NUM_CLASSES
    assert macs(build_classifier(name, num_classes=classes)) == sum(counted)


def test_macs_of_a_layer_that_is_not_counted_are_unknown():
    assert macs(network(layers.PReLU())) is None


@pytest.mark.parametrize("name, millions", [("wrn16_1", 0.2), ("wrn16_2", 0.7), ("wrn40_1", 0.6)])
def test_parameters_are_the_published_ones(name, millions):
    """Compares with Zagoruyko and Komodakis, 2017, on CIFAR-10 (arXiv 1612.03928)."""
    count = parameters(build_classifier(name, num_classes=10))
    assert round(count / 1e6, 1) == millions


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("copy", [lambda model: model, training_copy], ids=["as built", "fused"])
def test_parameters_are_the_trainable_weights_also_of_a_frozen_model(frozen, copy):
    model = copy(tiny.wide_resnet())
    expected = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    model.trainable = not frozen
    assert parameters(model) == expected > 70_000


def test_parameters_by_hand_leave_statistics_out():
    model = network(
        layers.Normalization(mean=[0.5] * 3, variance=[1.0] * 3),
        layers.Conv2D(4, 3),  # 9 · 3 · 4 + 4
        layers.BatchNormalization(),  # 4 + 4, beside 4 + 4 statistics
        layers.PReLU(shared_axes=(1, 2)),  # 4
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, use_bias=False),  # 20
    )
    assert parameters(model) == 112 + 8 + 4 + 20


def test_a_model_inside_a_model_is_counted_once():
    inner = tiny.wide_resnet()
    inputs = keras.Input((8, 8, 3))
    outer = keras.Model(inputs, layers.Softmax()(inner(layers.Rescaling(2.0)(inputs))))
    assert (parameters(outer), macs(outer)) == (parameters(inner), macs(inner))


def test_activations_by_hand():
    model = network(
        layers.Conv2D(5, 3, padding="same"),  # 64 positions of 5
        keras.Sequential([keras.Input((8, 8, 5)), layers.ReLU(), layers.MaxPooling2D()]),  # 64, 16
        layers.Flatten(),
        layers.Dense(7),
    )
    assert activations(model) == (64 + 64 + 16) * 5 + 80 + 7


def test_activations_of_an_unknown_size_do_not_count():
    model = network(layers.Conv2D(5, 3), layers.GlobalAveragePooling2D(), shape=(None, None, 3))
    assert activations(model) == 5
