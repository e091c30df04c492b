"""Ranges are where the runtime rounds, and nowhere else."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import evaluation
from mosaickd_tf.compression import convert, quantization
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.errors import RunError
from mosaickd_tf.export import operations
from mosaickd_tf.tasks import SingleLabel
from tests.compression import IMAGES, SHAPE, student


@pytest.fixture(scope="module")
def aware():
    return quantization.quantization_aware(to_tf_keras(student(), IMAGES), IMAGES)


def ranges(model, layer):
    names = {variable.name.split("/")[-1] for variable in model.get_layer(layer).weights}
    return sorted(name.removesuffix("_max:0") for name in names if name.endswith("_max:0"))


def test_images_keep_the_range_of_bytes(aware):
    lowest, highest, _ = aware.layers[1].weights
    assert (float(lowest), float(highest)) == (0.0, 255.0)


def test_outputs_begin_with_the_ranges_that_they_have_on_the_images(aware):
    model = to_tf_keras(student(), IMAGES)
    for name in ("stem_relu", "conv", "logits"):
        part = tf_keras_module().Model(model.input, model.get_layer(name).output)
        maps = part(IMAGES.astype("float32")).numpy()
        layer = aware.get_layer(f"quant_{name}")
        ends = {variable.name.split("/")[-1]: variable for variable in layer.weights}
        assert float(ends["output_min:0"]) == pytest.approx(min(maps.min(), 0.0), abs=1e-6)
        assert float(ends["output_max:0"]) == pytest.approx(maps.max(), rel=1e-5)


def test_kernels_are_rounded_also_before_a_relu(aware):
    assert ranges(aware, "quant_stem") == ["kernel"]  # its output is rounded behind the ReLU
    assert ranges(aware, "quant_stem_relu") == ["output"]
    assert ranges(aware, "quant_conv") == ["kernel", "output"]
    assert ranges(aware, "quant_add") == []  # a ReLU follows
    assert ranges(aware, "quant_block_norm") == []
    assert ranges(aware, "quant_logits") == ["kernel", "output"]


@pytest.fixture(scope="module")
def file(aware, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "student.tflite"
    convert.save(aware, path, "logits", integer=True, task=SingleLabel())
    return path


def test_the_file_computes_in_integers_from_bytes_to_bytes(file):
    operations.check_integers(file, "student")
    kinds = {kind for _, types in operations.of_file(file) for kind in types}
    assert kinds == {"INT8", "UINT8", "INT32"}
    model = evaluation.TfliteModel(file)
    source = model._interpreter.get_input_details()[0]
    assert source["quantization"] == (1.0, 0)
    assert source["shape_signature"].tolist() == [1, *SHAPE]


def test_the_file_has_the_outputs_of_the_model_within_a_step(aware, file):
    model = evaluation.TfliteModel(file)
    expected = aware(IMAGES.astype("float32"), training=False).numpy()
    assert np.abs(model.predict(IMAGES) - expected).max() <= 3 * model.scale
    assert 0 < model.scale < np.abs(expected).max() / 50
    convert.verify_conversion(aware, file, IMAGES, "logits", integer=True, task=SingleLabel())


def test_a_file_with_other_outputs_is_detected(aware, file):
    other = quantization.quantization_aware(to_tf_keras(student(), IMAGES), IMAGES)
    bias = other.get_layer("quant_logits").layer.bias
    bias.assign_add(np.full(5, 5.0))
    with pytest.raises(RunError, match="differs from the model that was trained"):
        convert.verify_conversion(other, file, IMAGES, "logits", integer=True, task=SingleLabel())


@pytest.mark.slow
def test_a_phone_s_network_computes_in_integers_too(tmp_path):
    inputs = keras.Input(SHAPE)
    hidden = layers.Conv2D(8, 3, activation="relu6")(inputs)
    hidden = layers.DepthwiseConv2D(3)(layers.ZeroPadding2D(1)(hidden))
    hidden = layers.Activation("hard_silu")(layers.BatchNormalization()(hidden))
    gate = layers.Conv2D(8, 1)(layers.GlobalAveragePooling2D(keepdims=True)(hidden))
    hidden = layers.Multiply()([hidden, layers.Activation("hard_sigmoid")(gate)])
    hidden = layers.Concatenate()([hidden, layers.MaxPooling2D(1)(hidden)])
    model = keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(hidden)))
    aware = quantization.quantization_aware(to_tf_keras(model, IMAGES), IMAGES)
    convert.save(
        aware, tmp_path / "phone.tflite", "probabilities", integer=True, task=SingleLabel()
    )
    operations.check_integers(tmp_path / "phone.tflite", "phone")
    convert.verify_conversion(
        aware, tmp_path / "phone.tflite", IMAGES, integer=True, task=SingleLabel()
    )
