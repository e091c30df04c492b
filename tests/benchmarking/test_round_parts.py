"""The parts of a round and their sum."""

import dataclasses

import pytest

from benchmarks import round_parts
from benchmarks.pages import ROOT
from mosaickd_tf.benchmarking.round_time import RoundTimer
from tests.benchmarking.test_round_time import TINY

QUICK = dataclasses.replace(TINY, student_steps_per_round=2, rounds=1, warmup_rounds=0)


def test_the_parts_add_up_to_the_round():
    whole, *parts = round_parts.measure(QUICK)
    assert {part["times"] for part in parts if "update" not in part["name"]} == {1, 2}
    assert all(row["seconds"] > 0 and row["flop"] > 0 for row in (whole, *parts))
    assert sum(part["flop"] for part in parts) == pytest.approx(whole["flop"], rel=1e-3)


def test_the_parts_are_those_of_the_page():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    timer = RoundTimer(QUICK)
    rows = [f"| {name} | " for name in round_parts.parts(timer.distiller, timer.example)]
    whole = {"name": "the round", "times": 1, "seconds": 1.0, "flop": 1.0}
    rows += [line.partition(" 1 |")[0] for line in round_parts.table([whole])][2:]
    assert len(rows) == 10
    assert [row for row in rows if row not in page] == []


def test_the_remainder_is_the_last_row():
    rows = [
        {"name": "the round", "times": 1, "seconds": 2.0, "flop": 4e9},
        {"name": "one", "times": 5, "seconds": 1.5, "flop": 3e9},
    ]
    assert list(round_parts.table(rows))[2:] == [
        "| the round | 1 | 2.000 | 100% | 4.0 | 2 |",
        "| one | 5 | 1.500 | 75% | 3.0 | 2 |",
        "| all else: optimizers, losses, data, waiting | 1 | 0.500 | 25% | 1.0 | 2 |",
    ]
