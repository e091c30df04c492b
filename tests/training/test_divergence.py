"""Signs of divergence, just beyond their limits and just within."""

import json
import math

import pytest

from mosaickd_tf.report import advice
from mosaickd_tf.training import divergence
from mosaickd_tf.training.divergence import (
    LEARNED_DIVERSITY,
    MAX_PATCH_DIVERGENCE,
    MIN_DIVERSITY,
    DivergenceEvent,
)

LIMIT = MAX_PATCH_DIVERGENCE * math.log(2)
UNTRAINED = {"round": 0, "prediction_diversity": 2.0, "unlabeled_agreement": 0.9}  # by chance


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_first_number_that_is_not_finite_is_named(value):
    event = divergence.not_finite(7, {"fine": 1.0, "adversarial_loss": value, "other": math.nan})
    assert (event.round, event.term) == (7, "adversarial_loss")
    assert event.words == f"the adversarial_loss became {value}"


def test_finite_values_are_no_divergence():
    assert divergence.not_finite(7, {"one": 1e38, "two": -0.0}) is None


def collapse(value, before):
    rows = [{"round": 1, "prediction_diversity": earlier} for earlier in before]
    return divergence.detect_divergence(
        {"round": 2, "prediction_diversity": value}, [UNTRAINED, *rows]
    )


def test_a_student_that_collapses_to_one_class_is_noticed():
    event = collapse(MIN_DIVERSITY - 0.01, [0.0, LEARNED_DIVERSITY, 0.2])
    assert (event.round, event.term) == (2, "prediction_diversity")
    assert "0.040" in event.words and "one class" in event.words


@pytest.mark.parametrize(
    "value, before",
    [
        (MIN_DIVERSITY, [0.8]),
        (0.0, [0.0, LEARNED_DIVERSITY - 0.01]),  # it has not learned yet
        (0.0, []),
        (None, [0.8]),
        (0.0, [None]),
    ],
)
def test_a_student_of_few_classes_from_the_beginning_has_not_collapsed(value, before):
    assert collapse(value, before) is None


@pytest.mark.parametrize("name", ["validation_agreement", "unlabeled_agreement"])
@pytest.mark.parametrize("agreement, is_noticed", [(0.3, True), (0.31, False), (0.54, False)])
def test_one_class_that_the_teacher_predicts_most_is_no_collapse(name, agreement, is_noticed):
    """As in the first rounds with a teacher that names one class for half of the images."""
    rows = [UNTRAINED, {"round": 4, "prediction_diversity": 0.6, name: 0.6}]
    row = {"round": 8, "prediction_diversity": 0.02, name: agreement}
    assert (divergence.detect_divergence(row, rows) is not None) is is_noticed


def test_a_discriminator_that_is_always_right_is_noticed():
    event = divergence.detect_divergence({"round": 3, "patch_divergence": LIMIT + 1e-3}, [])
    assert (event.round, event.term) == (3, "patch_discrimination_loss")
    assert f"{math.log(2) - LIMIT - 1e-3:.4f} nats" in event.words


@pytest.mark.parametrize("value", [LIMIT, 0.0, None])
def test_a_discriminator_that_errs_has_not_saturated(value):
    assert divergence.detect_divergence({"round": 3, "patch_divergence": value}, []) is None
    assert divergence.detect_divergence({"round": 3}, []) is None


def test_a_generator_that_follows_the_statistics_goes_on_without_the_discriminator():
    row = {"round": 3, "patch_divergence": LIMIT + 1e-3}
    assert divergence.detect_divergence(row, []) is not None
    assert divergence.detect_divergence(row | {"statistics_loss": 4.0}, []) is None


def test_the_report_warns_before_the_training_acts():
    assert advice.DISTINGUISHED < MAX_PATCH_DIVERGENCE < 1


def test_an_event_is_json():
    event = DivergenceEvent(round=3, term="a", words="b").to_json("went on")
    assert json.loads(json.dumps(event)) == {
        "round": 3,
        "term": "a",
        "words": "b",
        "done": "went on",
    }
