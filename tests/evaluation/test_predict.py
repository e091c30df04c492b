"""Outputs of Keras classifiers on arrays of images."""

import keras
import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.evaluation import predict
from tests import tiny

BYTES = np.random.RandomState(0).randint(0, 256, (5, 8, 8, 3), "uint8")


def test_predictions_are_those_of_the_unit_images_in_inference_mode():
    model = tiny.classifier()
    received = evaluation.predict_logits(model, BYTES)
    wanted = model(BYTES.astype("float64") / 255, training=False).numpy()
    assert received.dtype == np.float32
    np.testing.assert_allclose(received, wanted, atol=1e-5)


def test_predictions_of_more_images_than_a_batch_keep_their_order(monkeypatch):
    model = tiny.classifier()
    whole = evaluation.predict_logits(model, BYTES)
    monkeypatch.setattr(predict, "BATCH_SIZE", 2)
    np.testing.assert_allclose(evaluation.predict_logits(model, BYTES), whole, atol=1e-6)


def test_a_model_is_evaluated_with_its_current_weights():
    """Reuses the compiled pass between evaluations, but not the weights."""
    model = tiny.classifier()
    before = evaluation.predict_logits(model, BYTES)
    model.get_layer("logits").bias.assign_add(np.ones(10))
    np.testing.assert_allclose(evaluation.predict_logits(model, BYTES), before + 1, atol=1e-6)


def test_predictions_of_a_low_precision_model_are_float32():
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(3, dtype="mixed_bfloat16")(
        keras.layers.GlobalAveragePooling2D()(inputs)
    )
    assert evaluation.predict_logits(keras.Model(inputs, outputs), BYTES).dtype == np.float32
