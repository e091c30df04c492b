"""Old public names: each is found, with a warning that says what to use."""

import dataclasses
import importlib
import importlib.util
import pathlib
import re

import pytest

import mosaickd_tf
from mosaickd_tf import config, methods
from mosaickd_tf.methods.mosaic import MosaicConfig
from mosaickd_tf.utils import deprecation
from tests import tiny

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("old", deprecation.RENAMED)
def test_an_old_name_is_found_with_a_warning(old):
    room, _, name = f"mosaickd_tf.{old}".rpartition(".")
    with pytest.warns(DeprecationWarning, match=f"{old} is deprecated, use "):
        found = getattr(importlib.import_module(room), name)
    assert found is not None


@pytest.mark.parametrize("old", deprecation.RENAMED)
def test_an_old_name_is_listed_in_the_changelog(old):
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    table = text.split("### Public names")[1].split("\n### ")[0]
    assert f"`{old}`" in table or f"`mosaickd_tf.{old}`" in table


def test_the_changelog_leads_to_modules_that_exist():
    table = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("### Moved modules")[1]
    places = re.findall(r"^\| `[^|]+ \| (.*) \|$", table, re.MULTILINE)
    assert len(places) > 50
    for name in re.findall(r"`([^`]+)`", " ".join(places)):
        assert importlib.util.find_spec(f"mosaickd_tf.{name}"), name


def test_a_name_that_never_was_is_an_attribute_error():
    for module in (mosaickd_tf, config, methods):
        with pytest.raises(AttributeError, match="never_was"):
            _ = module.never_was


def test_loss_weights_are_the_options_of_mosaickd():
    with pytest.warns(DeprecationWarning, match="MosaicConfig"):
        weights = mosaickd_tf.LossWeights(local=0.5)
    assert weights == MosaicConfig(local_weight=0.5)


def test_terms_of_baselines_are_the_options_of_their_methods():
    with pytest.warns(DeprecationWarning):
        terms = config.BaselineTerms(fitnet_hint_weight=7.0, crd_negatives=3)
    asked = config.DistillConfig(methods=terms)
    assert asked.methods["fitnet"].hint_weight == 7.0
    assert asked.methods["crd"].negatives == 3
    assert dataclasses.asdict(asked.methods["rkd"]) == {"distance_weight": 25.0, "angle_weight": 50}
    with pytest.raises(TypeError, match="no_such_term"):
        deprecation.method_options(no_such_term=1.0)


def test_the_former_name_of_an_argument_is_accepted_with_a_warning():
    weights = MosaicConfig(local_weight=3.0)
    with pytest.warns(DeprecationWarning, match="`loss_weights` is deprecated, use `config`"):
        made = methods.METHODS["mosaic"](**tiny.plain_networks(), loss_weights=weights)
    assert made.config is weights
