"""Options of earlier versions: dropped where they did nothing, else refused with the version."""

import pytest

from mosaickd_tf import config
from mosaickd_tf.config import DistillConfig
from mosaickd_tf.config.removed import REMOVED, is_removed, removed_option, without_removed
from mosaickd_tf.errors import RequestError

# Values that the last version had by default, as its result.json and flagfiles hold them.
DEFAULTS = {
    "memory_size": 0,
    "generator_restart_every": 0,
    "generator_steps_per_round": 1,
    "conditional_weight": 0.0,
    "adversarial_warmup": 0,
}


def test_the_removed_options_are_no_options_any_more():
    assert set(REMOVED) == set(DEFAULTS)
    assert not set(REMOVED) & set(dict(config.options(DistillConfig())))


def test_options_that_did_nothing_are_dropped_and_others_kept():
    kept = {"method": "mosaic", "statistics_weight": 0.1}
    assert without_removed(kept | DEFAULTS) == kept
    assert without_removed(kept) == kept


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_option_that_had_an_effect_is_refused_with_its_last_version(name):
    for refuse in (
        lambda: without_removed({"method": "mosaic", name: 7}),
        lambda: is_removed(name, "7"),
    ):
        with pytest.raises(RequestError, match=f"`{name}` was removed.*version 0.1.0") as caught:
            refuse()
        assert len(str(caught.value).splitlines()) == 1
        assert str(caught.value) == str(removed_option(name))


@pytest.mark.parametrize("name", DEFAULTS)
def test_in_a_flagfile_the_value_that_did_nothing_is_recognized(name):
    assert is_removed(name, str(DEFAULTS[name]))
    assert is_removed(name, f"{float(DEFAULTS[name])}")


@pytest.mark.parametrize("value", ["", "many", "0,0"])
def test_in_a_flagfile_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(RequestError, match="`memory_size` was removed"):
        is_removed("memory_size", value)


def test_an_option_that_exists_is_not_removed():
    assert not is_removed("statistics_weight", "0.5")
    assert not is_removed("nothing_known", "1")
