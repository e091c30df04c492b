"""The parts of a round add up to it."""

import dataclasses

import pytest

from benchmarks import round_parts
from tests.benchmarking.test_round_time import TINY

QUICK = dataclasses.replace(TINY, student_steps_per_round=2, rounds=1, warmup_rounds=0)


def test_the_parts_do_the_work_of_the_round():
    whole, *parts = round_parts.measure(QUICK)
    assert {part["times"] for part in parts if "update" not in part["name"]} == {1, 2}
    assert all(row["seconds"] > 0 and row["flop"] > 0 for row in (whole, *parts))
    assert sum(part["flop"] for part in parts) == pytest.approx(whole["flop"], rel=1e-3)


def test_what_no_part_accounts_for_is_the_last_row():
    rows = [
        {"name": "the round", "times": 1, "seconds": 2.0, "flop": 4e9},
        {"name": "one", "times": 5, "seconds": 1.5, "flop": 3e9},
    ]
    assert list(round_parts.table(rows))[2:] == [
        "| the round | 1 | 2.000 | 100% | 4.0 | 2 |",
        "| one | 5 | 1.500 | 75% | 3.0 | 2 |",
        "| all else | 1 | 0.500 | 25% | 1.0 | 2 |",
    ]
