"""The table of methods: means and deviations by hand, and the page as results/ gives it."""

import dataclasses

from benchmarks import methods_table
from benchmarks.pages import read_section
from mosaickd_tf.report.ledger import Run

RUN = Run(
    data="digits_from_photos",
    pair="wrn16_1_to_wrn10_1",
    method="kd",
    changes=(),
    seed=0,
    rounds=250,
    accuracy=0.5,
    teacher_accuracy=0.99,
    seconds=100.0,
    machine="2 cores",
    commit="0123456789",
    name="run",
)


def row(runs, method):
    (found,) = [
        line for line in methods_table.render(runs).splitlines() if f"| `{method}` |" in line
    ]
    return [cell.strip() for cell in found.strip("|").split("|")]


def changed(**changes):
    return dataclasses.replace(RUN, **changes)


def test_three_seeds_are_a_mean_and_a_deviation():
    # 50, 54 and 52 have a standard deviation of 2; seconds of 100, 300 and 150 a median of 150.
    runs = [RUN, changed(accuracy=0.54, seconds=300.0), changed(accuracy=0.52, seconds=150.0)]
    assert row(runs, "kd")[2:4] == ["0.60", "52.0 ± 2.0 (250 rounds)"]


def test_a_cell_without_a_run_says_so():
    assert row([RUN], "kd")[4:] == ["not run", "not run"]
    assert row([RUN], "mosaic")[2:] == ["not run"] * 4
    assert row([changed(pair="wrn16_2_to_wrn16_1")], "kd")[3] == "not run"


def test_the_longest_runs_of_the_fewest_changes_are_shown():
    runs = [
        RUN,
        changed(accuracy=0.9, rounds=100),
        changed(accuracy=0.8, changes=("temperature=2.0",)),
    ]
    assert row(runs, "kd")[3] == "50.0 (250 rounds)"


def test_needs_are_those_of_the_method():
    assert row([], "kd")[1] == "OOD images"
    assert "OOD images" in row([], "mosaic_statistics")[1]
    assert "OOD images" not in row([], "dafl")[1]


def test_the_section_of_the_page_is_what_the_results_give():
    section = read_section(methods_table.PAGE, methods_table.SECTION)
    assert section == methods_table.render(methods_table.read_runs())
