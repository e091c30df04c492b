"""The defaults are the published weights, and what later work added is off."""

import dataclasses

import pytest

from mosaickd_tf.config import ExtensionConfig, LossWeights, MethodConfig
from mosaickd_tf.errors import RequestError


def test_the_weights_are_those_of_the_official_code():
    published = {"local": 1.0, "align": 1.0, "adversarial": 1.0, "balance": 10.0}
    assert dataclasses.asdict(LossWeights()) == published


def test_what_later_work_added_is_off():
    extensions = dataclasses.asdict(ExtensionConfig())
    assert extensions.pop("generator_steps_per_round") == 1
    assert not any(extensions.values())


@pytest.mark.parametrize("name", ["baseline_learning_rate", "baseline_temperature"])
def test_tuning_of_what_is_compared_is_not_negative(name):
    with pytest.raises(RequestError, match=f"`{name}`.*at least 0"):
        MethodConfig(**{name: -1.0})
