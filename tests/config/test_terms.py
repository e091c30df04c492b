"""Terms that several methods report."""

import dataclasses

import pytest

from mosaickd_tf.config import terms
from mosaickd_tf.config.terms import Term

SHARED = [value for value in vars(terms).values() if isinstance(value, Term)]


def test_weighting_a_term_sets_its_flag_and_nothing_else():
    term = Term(name="n", short="s", title="T", note="what", unit="nats", direction="")
    weighted = term.weighted_by("its_weight")
    assert weighted.flag == "its_weight" and term.flag == ""
    assert dataclasses.replace(weighted, flag="") == term


@pytest.mark.parametrize("term", SHARED, ids=lambda term: term.name)
def test_shared_terms_are_losses_without_a_flag_of_their_own(term):
    assert term.name.endswith("_loss") and term.flag == ""
    assert term.unit in ("nats", "bits", "")


def test_shared_terms_have_names_of_their_own():
    assert len({term.name for term in SHARED}) == len({term.short for term in SHARED}) == 8


def test_a_term_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        terms.DISTILLATION.flag = "x"
