"""Classes of options of methods, and the weights of a generator's loss."""

import dataclasses

import pytest

from mosaickd_tf.config import flag_name
from mosaickd_tf.config.method import check_generator_weights, method_config
from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.errors import RequestError


def declare():
    """Declares a class of options, as a file of a method does each time it is executed."""

    @method_config(flag_prefix="tested_")
    class TestedConfig(ConfigSection):
        """Tested (tested)."""

        first_weight: float = option(1.0, "A weight.", at_least=0.0)
        steps: int = option(3, "Steps.", at_least=1)
        other_weight: float = option(0.5, "Another.", flag="its_own_weight")

    return TestedConfig


def test_declaring_twice_gives_the_same_class():
    assert declare() is declare()


def test_flags_have_the_prefix_unless_the_option_names_its_own():
    flags = [flag_name(field) for field in dataclasses.fields(declare())]
    assert flags == ["tested_first_weight", "tested_steps", "its_own_weight"]


def test_options_are_checked_and_cannot_be_changed():
    section = declare()
    with pytest.raises(RequestError, match="`tested_first_weight`.*at least 0"):
        section(first_weight=-1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        section().steps = 4
    with pytest.raises(TypeError):
        section(2.0)  # by name only


def test_metadata_of_options_are_kept():
    field = dataclasses.fields(declare())[1]
    assert field.metadata["help"] == "Steps." and field.metadata["at_least"] == 1


def test_a_generator_needs_one_weight_above_0():
    section = declare()
    check_generator_weights(section())
    check_generator_weights(section(first_weight=0.0))
    check_generator_weights(section(first_weight=0.0, other_weight=0.0), further_weight=1.0)
    with pytest.raises(RequestError) as caught:
        check_generator_weights(section(first_weight=0.0, other_weight=0.0), further_weight=0.0)
    assert str(caught.value) == (
        "The generator has no loss. Expected a weight above 0 of `tested_first_weight`, "
        "`its_own_weight` or `further_weight`. Received: 0 for all"
    )
