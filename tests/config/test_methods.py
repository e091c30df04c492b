"""Options of all methods; the defaults of MosaicKD are the published weights."""

import dataclasses

import pytest

from mosaickd_tf import config
from mosaickd_tf.config import MethodConfig, declared
from mosaickd_tf.errors import RequestError


def test_the_weights_are_those_of_the_official_code():
    published = {
        "local_weight": 1.0,
        "align_weight": 1.0,
        "adversarial_weight": 1.0,
        "balance_weight": 10.0,
    }
    options = dataclasses.asdict(declared.method_sections()["mosaic"]())
    assert options == published | {
        "student_images": "both",
        "transform_synthetic": False,
        "photometric_augmentation": False,
        "generator_warmup": 0.0,
        "replay_images": 0,
    }


def test_what_later_work_added_is_off():
    options = dataclasses.asdict(declared.method_sections()["statistics"]())
    assert options == {"statistics_weight": 0.0, "statistics_distance": "norm"}


def test_the_methods_that_can_be_chosen_are_the_declared_ones():
    assert config.METHODS == tuple(declared.methods())
    for name in config.METHODS:
        assert MethodConfig(method=name, compare_with=(name,)).method == name


@pytest.mark.parametrize("name", ["baseline_learning_rate", "baseline_temperature"])
def test_tuning_of_baselines_is_not_negative(name):
    with pytest.raises(RequestError, match=f"`{name}`.*at least 0"):
        MethodConfig(**{name: -1.0})
