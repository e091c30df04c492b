"""Pruned kernels reach their sparsity in few updates too, in the requested pattern."""

import dataclasses

import numpy as np
import pytest

from mosaickd_tf.compression import pruning
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.compression.weight_statistics import in_groups
from tests.compression import IMAGES, QUICK, student


def pruned(updates, looked_at=None, **options):
    """Returns the kernels after so many forward passes of a training, without any updates."""
    config = dataclasses.replace(QUICK, **options)
    model = pruning.prune(to_tf_keras(student(), IMAGES), config.sparsity[0], config, updates)
    for number in range(updates):
        model(IMAGES.astype("float32"), training=True)
        if looked_at is not None:
            looked_at[number + 1] = zeros(model.get_layer("prune_low_magnitude_conv").layer.kernel)
    unwrapped = pruning.unwrap(model).layers
    return {layer.name: layer.kernel.numpy() for layer in unwrapped if hasattr(layer, "kernel")}


def zeros(kernel):
    return float(np.mean(np.asarray(kernel) == 0))


@pytest.mark.parametrize("schedule", ["polynomial", "constant"])
@pytest.mark.parametrize("updates", [1, 5])
def test_few_updates_reach_the_sparsity(schedule, updates):
    kernels = pruned(updates, pruning_schedule=schedule, sparsity=(0.75,))
    assert set(kernels) == {"stem", "conv", "logits"}
    assert all(abs(zeros(kernel) - 0.75) < 0.03 for kernel in kernels.values())


def test_the_smallest_weights_become_zero():
    before = to_tf_keras(student(), IMAGES).get_layer("conv").kernel.numpy()
    after = pruned(2)["conv"]
    assert np.abs(before[after == 0]).max() <= np.abs(before[after != 0]).min()
    np.testing.assert_array_equal(after[after != 0], before[after != 0])


def test_a_polynomial_grows_and_a_constant_does_not():
    growing, constant = {}, {}
    pruned(8, growing, pruning_schedule="polynomial")
    pruned(8, constant, pruning_schedule="constant")
    assert growing[2] < growing[3] < 0.5
    assert growing[8] == 0.5
    assert constant[2] == constant[8] == 0.5


def test_two_of_four_input_channels_are_zero_where_there_are_groups_of_four():
    kernels = pruned(3, sparsity_pattern="2_of_4")
    conv = kernels["conv"].transpose(3, 0, 1, 2)
    assert in_groups(conv) and zeros(conv) == 0.5
    assert in_groups(kernels["logits"].T)
    assert abs(zeros(kernels["stem"]) - 0.5) < 0.03  # three channels: anywhere
