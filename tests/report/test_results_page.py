"""The page of results: means and deviations by hand, and where each number leads."""

import re

import pytest

from mosaickd_tf.report.ledger import runs_of
from mosaickd_tf.report.published import TABLES
from mosaickd_tf.report.results_page import render
from tests.report.results import cells, result


def page(*results, students=()):
    runs = []
    for number, entry in enumerate(results):
        runs += runs_of(entry, f"run{number}", cells())
    return render(runs, cells(), students)


def section(text, title):
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found


def rows(text, title="CIFAR-100 from CIFAR-10"):
    lines = [line for line in section(text, title).splitlines() if line.startswith("| ")]
    return [[word.strip() for word in line.strip("|").split(" | ")] for line in lines]


def ours(text, method, title="CIFAR-100 from CIFAR-10"):
    """Returns the cells of a method's rows of ours, by label."""
    found = [row for row in rows(text, title) if row[0] == method and row[1].startswith("ours")]
    return {row[1]: row[2:] for row in found}


def test_without_runs_every_cell_of_ours_says_so():
    text = page()
    for table in TABLES:
        for row in rows(text, re.escape(table.title)):
            if row[1].startswith("ours"):
                assert set(row[2:]) == {"not run"}
    assert ours(text, "mosaic") == {"ours, 39,200 rounds": ["not run"] * 5}
    assert ours(text, "sskd") == {}  # no flagfile in these cells


def test_published_numbers_stand_above_ours_as_printed():
    found = rows(page())
    head = ["method", "", "resnet34 → resnet18", "vgg11_bn → resnet18", "wrn40_2 → wrn16_1"]
    assert found[0][:5] == head
    place = found.index(["mosaic", "published", "77.01", "71.56", "61.01", "69.14", "69.41"])
    assert found[place + 1][:2] == ["mosaic", "ours, 39,200 rounds"]
    (others,) = [row for row in found if row[0] == "mosaic, run by others"]
    assert others[2:] == ["76.26, 76.39", "-", "60.91, 61.04, 61.61", "-", "-"]


def test_one_run_is_its_accuracy_with_a_link_to_its_seed():
    cell = ours(page(result(accuracy=0.6091, seed=7)), "mosaic")["ours, 39,200 rounds"][2]
    assert cell == "60.91 (seed [7](../results/run0.json))"


def test_several_seeds_are_mean_and_standard_deviation():
    accuracies = {2: 0.61, 0: 0.60, 1: 0.64}  # mean 61 2/3; deviations -5/3, 7/3, -2/3
    text = page(*(result(accuracy=a, seed=s) for s, a in accuracies.items()))
    cell = ours(text, "mosaic")["ours, 39,200 rounds"][2]
    # Sum of squares 25/9 + 49/9 + 4/9 = 78/9; over n - 1 = 2 and the root: 2.0817
    links = "[0](../results/run1.json), [1](../results/run2.json), [2](../results/run0.json)"
    assert cell == f"61.67 ± 2.08 (seed {links})"


def test_another_schedule_is_a_row_of_its_own_that_says_so():
    text = page(result(accuracy=0.5, rounds=5000), result(accuracy=0.4, rounds=5000, batch_size=64))
    found = ours(text, "mosaic")
    assert list(found) == [
        "ours, 39,200 rounds",
        "ours, 5,000 of 39,200 rounds",
        "ours, 5,000 of 39,200 rounds, batch_size=64",
    ]
    assert set(found["ours, 39,200 rounds"]) == {"not run"}
    assert found["ours, 5,000 of 39,200 rounds"][2].startswith("50.00 (")


def test_a_method_that_nobody_published_gets_rows_below():
    found = rows(page(result(accuracy=0.3, local_weight=0.0)))
    (row,) = [row for row in found if row[0] == "no_local"]
    assert row[1] == "ours, 39,200 rounds" and row[4].startswith("30.00 (")


def test_a_baseline_that_came_with_two_runs_counts_once():
    baseline = {"method": "kd", "name": "wrn16_1", "accuracy": 0.47, "seconds": 60.0}
    one = result(baselines=[baseline])
    other = result(baselines=[baseline], accuracy=0.62)
    cell = ours(page(one, other), "kd")["ours, 39,200 rounds, temperature=1.0"][2]
    assert cell == "47.00 (seed [0](../results/run0.json))"


def test_each_run_is_listed_with_its_cost_its_place_and_its_student():
    baseline = {"method": "kd", "name": "wrn16_1", "accuracy": 0.47}
    text = page(
        result(accuracy=0.6, rounds=1234, baselines=[baseline]),
        students=["run0.tflite", "run0.keras", "run1.keras"],
    )
    listed = rows(text)[-2:]
    files = "[keras](../results/run0.keras), [tflite](../results/run0.tflite)"
    assert listed[1] == [
        "[mosaic, wrn40_2_to_wrn16_1](../results/run0.json)",
        *("0", "75.83", "60.00", "1,234", "1.50", "2 cores, A Processor", "0123456789", files),
    ]
    assert listed[0][3:6] == ["47.00", "1,234", "-"]


def test_a_data_set_that_nobody_published_gets_a_section():
    text = page(result(accuracy=0.2, ood_dataset="folder:/data/town"))
    assert rows(text, "town")[0] == ["method", "", "wrn40_2 → wrn16_1"]
    assert ours(text, "mosaic", "town")["ours, 39,200 rounds"][0].startswith("20.00 (")


def test_a_pair_that_nobody_published_gets_a_column():
    found = rows(page(result(pair=("wrn16_1", "wrn10_1"))))
    assert found[0][-1] == "wrn16_1 → wrn10_1"
    published = [row for row in found if row[:2] == ["mosaic", "published"]]
    assert published[0][2:] == ["77.01", "71.56", "61.01", "69.14", "69.41", "-"]


@pytest.mark.parametrize("title", [re.escape(table.title) for table in TABLES])
def test_every_row_of_a_table_has_as_many_cells(title):
    text = page(result(), result(seed=1, rounds=7), students=["run0.keras"])
    for block in section(text, title).split("\n\n"):
        widths = {line.count(" | ") for line in block.splitlines() if line.startswith("| ")}
        assert len(widths) <= 1
