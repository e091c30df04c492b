"""Networks from HDF5 files give what their weights say; what cannot be rebuilt is refused."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.models.io.hdf5 import load_hdf5
from tests.models.io import keras2_files as k2
from tests.refusals import refusal

IMAGES = np.random.default_rng(1).uniform(0, 1, (3, 8, 8, 3)).astype("float32")


def outputs(model):
    return np.asarray(model(IMAGES, training=False))


def convolved(images, kernel, bias):
    """Convolves with 3x3 and zeros around, in float64."""
    padded = np.pad(images.astype("float64"), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.maximum(np.einsum("nhwcij,ijcf->nhwf", windows, kernel) + bias, 0)


def normalized(values, gamma, beta, mean, variance, epsilon=1e-3):
    return gamma * (values - mean) / np.sqrt(variance + epsilon) + beta


def probabilities(values, kernel, bias):
    logits = values.mean(axis=(1, 2)) @ kernel + bias
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def small(name="conv", version="2.4.0"):
    """Describes convolution, pooling and dense layer, with weights and expected outputs."""
    arrays = k2.Arrays()
    network = k2.functional(
        "model_1",
        k2.images(),
        k2.conv(name, "input_1"),
        k2.layer("GlobalAveragePooling2D", "pool", name, data_format="channels_last"),
        k2.dense("dense", "pool"),
    )
    weights = {"input_1": {}, name: arrays.conv(name), "pool": {}, "dense": arrays.dense("dense")}
    conv, head = weights[name].values(), weights["dense"].values()
    return network, weights, probabilities(convolved(IMAGES, *conv), *head)


@pytest.mark.parametrize("parts", [0, 2])
def test_a_functional_network_gives_what_its_weights_say(tmp_path, parts):
    network, weights, expected = small()
    model, written_by, remarks = load_hdf5(
        k2.write(tmp_path / "1.h5", network, weights, parts=parts)
    )
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)
    assert written_by == "Keras 2.4.0"
    assert remarks == [f"translated from Keras 2.4.0 to {keras.__version__}"]


@pytest.mark.parametrize("place", ["/", "model_weights"])
def test_kernels_of_theano_are_mirrored(tmp_path, place):
    """Theano convolves where TensorFlow correlates."""
    network, weights, _ = small()
    path = k2.write(tmp_path / "1.h5", network, weights)
    with h5py.File(path, "r+") as file:
        file[place].attrs["backend"] = b"theano"
    model, _, remarks = load_hdf5(path)
    kernel, bias = weights["conv"].values()
    hidden = convolved(IMAGES, kernel[::-1, ::-1], bias)
    expected = probabilities(hidden, *weights["dense"].values())
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)
    assert "kernels mirrored, as Theano convolves" in remarks


def test_a_name_with_a_slash_is_one_that_keras_3_takes(tmp_path):
    network, weights, expected = small("block1/conv")
    model = load_hdf5(k2.write(tmp_path / "1.h5", network, weights))[0]
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)
    assert "block1_conv" in [layer.name for layer in model.layers]


def test_normalization_of_a_list_of_axes_and_depthwise_convolution_of_groups(tmp_path):
    arrays = k2.Arrays()
    depthwise = k2.CONVOLUTION | {"kernel_size": [3, 3], "depth_multiplier": 1, "groups": 1}
    network = k2.functional(
        "model",
        k2.images(),
        k2.layer("DepthwiseConv2D", "dw", "input_1", **depthwise),
        k2.layer("BatchNormalization", "bn", "dw", axis=[3], momentum=0.99, epsilon=0.01),
        k2.layer("GlobalAveragePooling2D", "pool", "bn"),
        k2.dense("dense", "pool"),
        class_name="Functional",
    )
    kernel = arrays((3, 3, 3, 1), "dw/depthwise_kernel:0")
    own = {"dw": kernel | arrays((3,), "dw/bias:0"), "bn": arrays.norm("bn", 3)}
    weights = own | {"dense": arrays.dense("dense", 3)}
    model = load_hdf5(k2.write(tmp_path / "1.h5", network, weights))[0]
    (kernel, bias), norm = own["dw"].values(), own["bn"].values()
    diagonal = np.einsum("ijcm,cf->ijcf", kernel, np.eye(3))
    hidden = normalized(convolved(IMAGES, diagonal, bias), *norm, epsilon=0.01)
    expected = probabilities(hidden, *weights["dense"].values())
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["dict", "list", "with input"])
def test_a_sequence_takes_the_shape_of_its_first_layer(tmp_path, kind):
    _, weights, expected = small()
    parts = [k2.conv("conv"), k2.layer("GlobalAveragePooling2D", "pool"), k2.dense("dense")]
    parts[0]["config"]["batch_input_shape"] = [None, 8, 8, 3]
    network = k2.sequential(
        "sequential_1", *([k2.images()] if kind == "with input" else []), *parts
    )
    if kind == "list":  # before Keras 2.2.3
        network["config"] = network["config"]["layers"]
    model = load_hdf5(k2.write(tmp_path / "1.h5", network, weights))[0]
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)


def test_a_nested_network_gets_its_weights_by_their_names(tmp_path):
    """Keras 2 stores those that are trained first, whichever layer has them."""
    arrays = k2.Arrays()
    inner = k2.functional(
        "inner",
        k2.images("input_2"),
        k2.conv("a", "input_2"),
        k2.layer("BatchNormalization", "bn", "a", axis=[3], epsilon=0.001),
        k2.conv("b", "bn"),
    )
    network = k2.sequential(
        "outer",
        k2.within(inner),
        k2.sequential("top", k2.layer("GlobalAveragePooling2D", "pool"), k2.dense("dense"))
        | {"name": "top"},
    )
    a, norm, b = arrays.conv("a"), arrays.norm("bn"), arrays.conv("b", 4)
    names = [*a, "bn/gamma:0", "bn/beta:0", *b, "bn/moving_mean:0", "bn/moving_variance:0"]
    stored = {name: arrays.made[name] for name in names}
    weights = {"inner": stored, "top": arrays.dense("dense")}
    model = load_hdf5(k2.write(tmp_path / "1.h5", network, weights))[0]
    hidden = normalized(convolved(IMAGES, *a.values()), *norm.values())
    expected = probabilities(convolved(hidden, *b.values()), *weights["top"].values())
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)


def test_attention_takes_its_values_by_name(tmp_path):
    arrays = k2.Arrays()
    attention = k2.layer(
        "MultiHeadAttention", "attend", "rows", num_heads=1, key_dim=2, query_shape=[None, 64, 3]
    )
    attention["inbound_nodes"][0][0][3] = {"value": ["halved", 0, 0]}
    network = k2.functional(
        "model",
        k2.images(),
        k2.layer("Reshape", "rows", "input_1", target_shape=[64, 3]),
        k2.layer("Rescaling", "halved", "rows", scale=0.5, offset=0.0),
        attention,
    )
    shapes = {"query": (3, 1, 2), "key": (3, 1, 2), "value": (3, 1, 2)}
    weights = {}
    for name, shape in (shapes | {"attention_output": (1, 2, 3)}).items():
        weights |= arrays(shape, f"attend/{name}/kernel:0")
        weights |= arrays(shape[2:] if shape[0] == 1 else shape[1:], f"attend/{name}/bias:0")
    model = load_hdf5(k2.write(tmp_path / "1.h5", network, {"attend": weights}))[0]
    rows = IMAGES.reshape(3, 64, 3)
    query, key, value = (
        source @ weights[f"attend/{name}/kernel:0"][:, 0] + weights[f"attend/{name}/bias:0"]
        for name, source in (("query", rows), ("key", rows / 2), ("value", rows / 2))
    )
    scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(2))
    mixed = scores @ value / scores.sum(axis=-1, keepdims=True)
    last = "attend/attention_output"
    expected = mixed @ weights[f"{last}/kernel:0"][0] + weights[f"{last}/bias:0"]
    np.testing.assert_allclose(outputs(model), expected, atol=1e-5)


def test_normalization_gets_its_statistics_and_is_refused_without(tmp_path):
    arrays = k2.Arrays()
    mean, variance = arrays((3,), "n/mean:0"), arrays((3,), "n/variance:0", low=0.5)
    network = k2.sequential(
        "sequential",
        k2.images(),
        k2.layer("Normalization", "n", axis=[-1]),
        k2.layer("GlobalAveragePooling2D", "pool"),
    )
    weights = {"n": mean | variance | {"n/count:0": np.array(7)}}
    model = load_hdf5(k2.write(tmp_path / "1.h5", network, weights))[0]
    scaled = (IMAGES - mean["n/mean:0"]) / np.sqrt(variance["n/variance:0"])
    np.testing.assert_allclose(outputs(model), scaled.mean(axis=(1, 2)), atol=1e-5)
    for broken in ({}, {"n": {}}, {"n": mean}):
        path = k2.write(tmp_path / "2.h5", network, broken)
        assert "of 'n', not mean and variance" in refusal(load_hdf5, path)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda weights: weights.pop("dense"), "0 weights for 2 of 'dense'"),
        (lambda weights: weights["dense"].popitem(), "1 weights for 2 of 'dense'"),
        (lambda weights: weights.update(other=weights["conv"]), "'other', which is no layer"),
        (
            lambda weights: weights["dense"].update({"dense/bias:0": np.ones(3)}),
            "weights 'dense/bias:0' of shape (3,), not (2,)",
        ),
        (
            lambda weights: weights["dense"].update({"dense/bias:0": np.array([b"a", b"b"])}),
            "weights 'dense/bias:0' that are no numbers",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change, words):
    network, weights, _ = small()
    change(weights)
    assert words in refusal(load_hdf5, k2.write(tmp_path / "1.h5", network, weights))


def test_a_layer_that_is_larger_than_the_file_is_never_made(tmp_path):
    network, weights, _ = small()
    network["config"]["layers"][-1]["config"]["units"] = 10**10
    assert "weights of 200,000,000,448 bytes" in refusal(
        load_hdf5, k2.write(tmp_path / "1.h5", network, weights)
    )


@pytest.mark.parametrize("version", ["2.4.0", "99.1.0"])
def test_an_unknown_argument_is_refused_and_a_newer_keras_said(tmp_path, version):
    network, weights, _ = small()
    network["config"]["layers"][1]["config"]["magic"] = 5
    message = refusal(load_hdf5, k2.write(tmp_path / "1.h5", network, weights, version))
    assert "magic=5 of the layer Conv2D, which Keras 3 does not have" in message
    assert ("update Keras" in message) == (version == "99.1.0")


@pytest.mark.parametrize("with_operation", [False, True])
def test_a_file_of_keras_3_comes_back_as_it_was(tmp_path, with_operation):
    images = keras.Input((8, 8, 3))
    hidden = keras.Sequential([layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization()])(
        layers.Rescaling(2.0, offset=-1)(images)
    )
    if with_operation:  # which HDF5 files describe without its module
        hidden = keras.ops.relu(hidden + layers.Conv2D(4, 1)(images)) * 0.5
    hidden = layers.GlobalAveragePooling2D()(hidden)
    model = keras.Model(images, layers.Dense(2)(hidden))
    model.save(tmp_path / "1.h5")
    loaded, written_by, remarks = load_hdf5(tmp_path / "1.h5")
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert (written_by, remarks) == (f"Keras {keras.__version__}", [])
