"""Descriptions of Keras 1, translated to those of Keras 2, and networks that are built of them."""

import numpy as np
import pytest

from mosaickd_tf.models.io import keras1
from mosaickd_tf.models.io.hdf5 import load_hdf5
from tests.models.io import keras2_files as k2


def conv(**config):
    return {
        "class_name": "Convolution2D",
        "config": {
            "name": "convolution2d_1",
            "nb_filter": 4,
            "nb_row": 3,
            "nb_col": 2,
            "border_mode": "valid",
            "subsample": [2, 1],
            "dim_ordering": "tf",
            "init": "glorot_uniform",
            "W_regularizer": None,
            "b_constraint": None,
            "bias": True,
            "activation": "linear",
            "batch_input_shape": [None, 8, 8, 3],
            **config,
        },
    }


def dense():
    config = {"name": "dense_1", "output_dim": 2, "init": "uniform", "activation": "softmax"}
    return {"class_name": "Dense", "config": config}


def test_a_convolution_has_the_names_of_today():
    translated = keras1.translate(conv())
    assert translated["class_name"] == "Conv2D"
    assert translated["config"] == {
        "name": "convolution2d_1",
        "kernel_size": [3, 2],
        "filters": 4,
        "padding": "valid",
        "strides": [2, 1],
        "data_format": "channels_last",
        "use_bias": True,
        "activation": "linear",
        "batch_input_shape": [None, 8, 8, 3],
    }
    first = keras1.translate(conv(dim_ordering="th"))
    assert first["config"]["data_format"] == "channels_first"


@pytest.mark.parametrize(
    "name, config, expected",
    [
        ("Dropout", {"p": 0.25}, {"rate": 0.25}),
        ("GaussianNoise", {"sigma": 0.1}, {"stddev": 0.1}),
        ("GaussianDropout", {"p": 0.3}, {"rate": 0.3}),
        ("BatchNormalization", {"mode": 0, "axis": 3}, {"axis": 3}),
        ("MaxPooling2D", {"pool_size": [2, 2], "border_mode": "same"}, {"padding": "same"}),
    ],
)
def test_arguments_have_the_names_of_today(name, config, expected):
    translated = keras1.translate({"class_name": name, "config": config})
    assert translated["class_name"] == name
    assert expected.items() <= translated["config"].items()
    assert not {"p", "sigma", "mode", "border_mode"} & set(translated["config"])


@pytest.mark.parametrize(
    "mode, name", [("sum", "Add"), ("mul", "Multiply"), ("ave", "Average"), ("max", "Maximum")]
)
def test_a_merge_is_the_layer_of_its_mode(mode, name):
    node = {"class_name": "Merge", "config": {"name": "m", "mode": mode}, "inbound_nodes": [1]}
    expected = {"class_name": name, "config": {"name": "m"}, "inbound_nodes": [1]}
    assert keras1.translate(node) == expected


def test_a_merge_may_concatenate():
    node = {"class_name": "Merge", "config": {"name": "m", "mode": "concat", "concat_axis": 3}}
    translated = keras1.translate(node)
    assert translated == {"class_name": "Concatenate", "config": {"name": "m", "axis": 3}}


@pytest.mark.parametrize(
    "node, words",
    [
        ({"class_name": "Merge", "config": {"mode": "dot"}}, "Merge of mode 'dot'"),
        ({"class_name": "BatchNormalization", "config": {"mode": 2}}, "another mode than 0"),
    ],
)
def test_what_keras_2_dropped_is_refused_by_name(node, words):
    with pytest.raises(ValueError, match=words):
        keras1.translate(node)


@pytest.mark.parametrize("version", ["", "1.2.2"])
def test_a_network_of_keras_1_gives_what_its_weights_say(tmp_path, version):
    arrays = k2.Arrays()
    kernel, bias = arrays((3, 2, 3, 4), "convolution2d_1_W"), arrays((4,), "convolution2d_1_b")
    matrix, shift = arrays((3 * 7 * 4, 2), "dense_1_W"), arrays((2,), "dense_1_b")
    layers = [conv(), {"class_name": "Flatten", "config": {"name": "flatten_1"}}, dense()]
    network = {"class_name": "Sequential", "config": layers}
    weights = {"convolution2d_1": kernel | bias, "flatten_1": {}, "dense_1": matrix | shift}
    path = k2.write(tmp_path / "1.h5", network, weights, version)
    model, written_by, _ = load_hdf5(path)
    images = np.random.default_rng(1).uniform(0, 1, (2, 8, 8, 3))
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 2), axis=(1, 2))[:, ::2]
    hidden = np.einsum("nhwcij,ijcf->nhwf", windows, kernel["convolution2d_1_W"])
    hidden += bias["convolution2d_1_b"]
    logits = hidden.reshape(2, -1) @ matrix["dense_1_W"] + shift["dense_1_b"]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(images.astype("float32")), expected, atol=1e-5)
    assert written_by == f"Keras {version or '1'}"
