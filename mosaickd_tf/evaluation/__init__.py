"""Measures classifiers: their outputs against labels and against the teacher's outputs."""

from mosaickd_tf.evaluation.classifiers import (
    BATCH_SIZE,
    KerasModel,
    TfliteModel,
    agreement,
    confusion_matrix,
    open_model,
    per_class_accuracy,
    predict_logits,
    prediction_diversity,
    top_k_accuracy,
)

__all__ = [
    "BATCH_SIZE",
    "KerasModel",
    "TfliteModel",
    "agreement",
    "confusion_matrix",
    "open_model",
    "per_class_accuracy",
    "predict_logits",
    "top_k_accuracy",
    "prediction_diversity",
]
