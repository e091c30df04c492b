"""Fixtures of the tests of training."""

import keras
import pytest
from keras import layers

from mosaickd_tf import models
from mosaickd_tf.models import blocks


@pytest.fixture
def small_network(monkeypatch):
    """A network in place of the one by name, so that its training is traced quickly."""

    def build(name, *, num_classes, input_shape, mean, std):
        inputs = keras.Input(input_shape)
        hidden = blocks.standardization(mean, std)(inputs)
        hidden = layers.Conv2D(4, 3, use_bias=False)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(hidden))
        logits = layers.Dense(num_classes, dtype="float32")(layers.Flatten()(hidden))
        return keras.Model(inputs, logits, name=name)

    monkeypatch.setattr(models, "build_classifier", build)
