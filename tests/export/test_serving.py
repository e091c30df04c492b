"""The serving model: uint8 in, the student's probabilities or logits out."""

import keras
import numpy as np
import pytest

from mosaickd_tf.export import serving_model
from mosaickd_tf.models import training_copy
from tests import tiny
from tests.export import IMAGES, logits, softmax, student


def test_probabilities_are_the_softmax_of_the_students_logits():
    model = student()
    received = serving_model(model)(IMAGES, training=False).numpy()
    np.testing.assert_allclose(received, softmax(logits(model)), atol=1e-6)
    np.testing.assert_allclose(received.sum(axis=-1), 1, atol=1e-6)
    assert received.std() > 0.1  # not the same for every image and class


def test_logits_are_the_students():
    model = student()
    received = serving_model(model, outputs="logits")(IMAGES, training=False).numpy()
    np.testing.assert_allclose(received, logits(model), atol=1e-5)


def test_every_byte_is_scaled_to_the_unit_interval():
    inputs = keras.Input((1, 1, 1))
    identity = keras.Model(inputs, keras.layers.Flatten()(inputs))
    images = np.arange(256, dtype="uint8").reshape(-1, 1, 1, 1)
    received = serving_model(identity, outputs="logits")(images).numpy()
    np.testing.assert_allclose(received[:, 0], np.arange(256) / 255, atol=1e-7)


@pytest.mark.parametrize("outputs", ["probabilities", "logits"])
@pytest.mark.parametrize("batch_size", [None, 1])
def test_names_types_and_shapes_are_part_of_the_interface(outputs, batch_size):
    model = serving_model(student(), outputs, batch_size)
    (images,) = model.inputs
    assert (images.name, images.dtype, images.shape) == ("images", "uint8", (batch_size, 8, 8, 3))
    assert model.output_shape == (batch_size, 5)
    assert model.outputs[0].dtype == "float32"
    assert model.layers[-1].name == outputs
    assert model.name == "serving"


def test_it_is_made_of_built_in_layers_in_float32_also_of_a_fast_student():
    fast = training_copy(student(), "mixed_bfloat16")
    model = serving_model(fast)
    assert "mosaickd_tf" not in model.to_json()
    inner = model.get_layer("student")
    assert {layer.dtype_policy.name for layer in inner.layers} == {"float32"}
    np.testing.assert_allclose(model(IMAGES, training=False), softmax(logits(student())), atol=1e-6)


def test_it_has_weights_of_its_own():
    model = student()
    before = tiny.values(model)
    served = serving_model(model)
    for variable in served.variables:
        variable.assign(variable * 0)
    assert tiny.same_bits(before, tiny.values(model))
