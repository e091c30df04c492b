"""Evaluation of classifiers: their outputs against labels and against the teacher's outputs."""

from mosaickd_tf.evaluation.opened_model import KerasModel, TfliteModel, open_model
from mosaickd_tf.evaluation.predict import BATCH_SIZE, predict_logits
from mosaickd_tf.tasks.metrics import (
    agreement,
    confusion_matrix,
    per_class_accuracy,
    predicted_classes,
    prediction_diversity,
    softmax,
    top_k_accuracy,
)
from mosaickd_tf.utils.deprecation import attribute_getter

__all__ = [
    "BATCH_SIZE",
    "KerasModel",
    "TfliteModel",
    "agreement",
    "confusion_matrix",
    "open_model",
    "per_class_accuracy",
    "predict_logits",
    "predicted_classes",
    "prediction_diversity",
    "softmax",
    "top_k_accuracy",
]

__getattr__ = attribute_getter(__name__)
