"""The names of `--method`, and what each class says of itself."""

import pytest

from mosaickd_tf import config
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.base import FEATURES, OOD_IMAGES, STATISTICS, TEACHER_FEATURES


def test_the_config_offers_the_methods_that_there_are():
    assert tuple(METHODS) == config.METHODS


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_needs_and_where_it_comes_from(name):
    kind = METHODS[name]
    assert set(kind.needs) <= {OOD_IMAGES, FEATURES, TEACHER_FEATURES, STATISTICS}
    assert kind.source[-4:].isdigit()  # the year
    assert "distillation_loss" in kind.terms
    assert kind.players[0] == "student"
    assert kind.transfer_factor in (1, 2)
