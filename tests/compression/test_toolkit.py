"""`tf.keras` stays Keras 3 beside the toolkit."""

import os

import keras
import tensorflow as tf

from mosaickd_tf.compression.toolkit import optimization_toolkit, tf_keras_module


def test_the_toolkit_works_on_the_other_keras_and_leaves_ours_alone(monkeypatch):
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    toolkit, other = optimization_toolkit(), tf_keras_module()
    assert "TF_USE_LEGACY_KERAS" not in os.environ  # children inherit it
    assert tf.keras.version() == keras.__version__
    layer = toolkit.sparsity.keras.prune_low_magnitude(other.layers.Dense(2))
    assert isinstance(layer, other.layers.Layer)
    assert not isinstance(layer, keras.layers.Layer)


def test_what_the_user_set_stays_set(monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    optimization_toolkit()
    assert os.environ["TF_USE_LEGACY_KERAS"] == "0"
