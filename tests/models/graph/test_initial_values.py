"""Networks that were never trained are told by their vectors of weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from mosaickd_tf.models.graph.initial_values import is_untrained
from mosaickd_tf.models.io.saved_model import load_saved_model


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.RandomFlip(),  # its seed is a vector too, of integers
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, name="head"),
        ]
    )


def exported(model, path):
    model.export(path, verbose=False)
    return load_saved_model(path, allow_code=True)


def as_module(model, path):
    """Saves a module that lists variables without their names."""
    module = tf.Module()
    module.listed = model.variables
    signature = tf.TensorSpec((None, 8, 8, 3), tf.float32)
    serve = tf.function(lambda images: {"logits": model(images)}, input_signature=[signature])
    tf.saved_model.save(module, str(path), signatures=serve)
    return load_saved_model(path, allow_code=True)


@pytest.mark.parametrize("form", [lambda model, path: model, exported, as_module])
def test_one_step_of_one_bias_is_enough_to_be_trained(tmp_path, form):
    model = network()
    assert is_untrained(form(model, tmp_path / "new"))
    model.get_layer("head").bias.assign([1e-6, 0.0])
    assert not is_untrained(form(model, tmp_path / "trained"))


def test_a_network_without_vectors_is_not_said_to_be_new():
    images = keras.Input((8, 8, 3))
    outputs = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3, use_bias=False)(images))
    assert not is_untrained(keras.Model(images, outputs))


def test_moving_statistics_alone_say_that_a_network_was_trained():
    model = network()
    model(np.random.default_rng(0).uniform(size=(4, 8, 8, 3)), training=True)
    assert not is_untrained(model)
