"""Evaluators by hand, on networks of known logits."""

import keras
import numpy as np
import pytest

from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.evaluation import evaluators
from mosaickd_tf.evaluation.evaluators import make_validation_fn
from mosaickd_tf.report import curves
from mosaickd_tf.tasks import SingleLabel
from mosaickd_tf.training import metrics_log

# Four images of two pixels; a network predicts the class of the brightest.
IMAGES = np.array([[9, 0], [0, 9], [9, 0], [0, 9]], np.uint8).reshape(4, 1, 2, 1)
LABELS = np.array([0, 1, 1, 1], np.int32)
TASK = SingleLabel()
TEST = ImageSet(images=IMAGES, labels=LABELS, label_names=("left", "right"))


def network(kernel, name):
    images = keras.Input((1, 2, 1), name="unit_images")
    dense = keras.layers.Dense(2, use_bias=False, name="logits")
    model = keras.Model(images, dense(keras.layers.Flatten()(images)), name=name)
    dense.set_weights([np.array(kernel, "float32")])
    return model


def brightest():
    return network([[1, 0], [0, 1]], "brightest")


def always_right():
    return network([[0, 1], [0, 1]], "always_right")


def evaluator(test=TEST):
    return evaluators.TestEvaluator(TargetData(train=None, validation=None, test=test), TASK)


def test_the_facts_of_a_network_by_hand():
    assert evaluator().facts(brightest()) == {
        "name": "brightest",
        "parameters": 4,
        "macs": 4,
        "accuracy": 0.75,
        "top5_accuracy": 1.0,
    }


def test_agreement_by_hand():
    assert evaluator().agreement(always_right(), brightest()) == 0.5


def test_predictions_are_the_predicted_classes():
    assert evaluator().predictions(teacher=brightest(), student=always_right()) == {
        "label_names": ["left", "right"],
        "labels": [0, 1, 1, 1],
        "teacher": [0, 1, 0, 1],
        "student": [1, 1, 1, 1],
    }


@pytest.mark.parametrize("target", [None, TargetData(train=None, validation=None, test=None)])
def test_without_a_test_split_accuracy_is_none(target):
    facts = evaluators.TestEvaluator(target, TASK).facts(brightest())
    assert facts["accuracy"] is None and facts["top5_accuracy"] is None
    assert facts["parameters"] == 4
    assert evaluators.TestEvaluator(target, TASK).agreement(brightest(), brightest()) is None


def test_validation_reports_accuracy_with_labels():
    student = always_right()
    evaluate = make_validation_fn(student, brightest(), TEST, TASK)
    expected = {
        "validation_accuracy": 0.75,
        "validation_agreement": 0.5,
        "prediction_diversity": 0.0,
    }
    assert evaluate(1) == expected
    student.set_weights(brightest().get_weights())
    assert evaluate(2)["validation_agreement"] == 1.0


def test_validation_reports_agreement_without_labels():
    evaluate = make_validation_fn(always_right(), brightest(), ImageSet(images=IMAGES), TASK)
    assert evaluate(1) == {"unlabeled_agreement": 0.5, "prediction_diversity": 0.0}


def test_validation_on_other_images_at_each_evaluation():
    image_sets = iter([ImageSet(images=IMAGES), ImageSet(images=IMAGES[:1])])
    evaluate = make_validation_fn(always_right(), brightest(), lambda: next(image_sets), TASK)
    assert evaluate(1)["unlabeled_agreement"] == 0.5
    assert evaluate(2)["unlabeled_agreement"] == 0.0


@pytest.mark.parametrize("watched", [TEST, ImageSet(images=IMAGES)], ids=["labeled", "unlabeled"])
def test_the_report_and_the_log_know_all_validation_metrics(watched):
    names = set(make_validation_fn(always_right(), brightest(), watched, TASK)(1))
    assert names <= set(curves.TITLES) and names <= set(metrics_log.SHORT_NAMES)
