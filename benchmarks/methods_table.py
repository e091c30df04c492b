"""Writes the table of docs/methods.md: needs, cost and accuracies of each method.

    bin/python -m benchmarks.methods_table

Accuracies and seconds are those of results/; a cell without a run says "not run".
"""

import statistics

from benchmarks.pages import ROOT, markdown_table, write_section
from mosaickd_tf.cli.cells import read_cells
from mosaickd_tf.config import declared
from mosaickd_tf.report import ledger
from mosaickd_tf.utils import files

PAGE, SECTION = ROOT / "docs" / "methods.md", "methods"
# Data sets by their flagfiles in configs/data, and the pair whose runs are shown.
COLUMNS = {
    "digits_from_photos": ("wrn16_1_to_wrn10_1", "digits"),
    "cifar100_from_cifar10": ("wrn16_2_to_wrn16_1", "CIFAR-100 from CIFAR-10"),
    "cifar100_from_imagenet32_folder": ("wrn16_2_to_wrn16_1", "CIFAR-100 from ImageNet 32×32"),
}
TIMED = "digits_from_photos"
# Flagfiles of a method with one more term, which have results of their own.
VARIANTS = {"mosaic_statistics": ("mosaic", "the teacher's BatchNormalization statistics")}


def read_runs():
    """Returns the runs of results/, without the baselines that ran beside them."""
    cells, paths = read_cells(), sorted((ROOT / "results").glob("*.json"))
    return [ledger.runs_of(files.read_json(path), path.stem, cells)[0] for path in paths]


def render(runs):
    """Returns the section of the page.

    Args:
        runs: list of `ledger.Run`.
    """
    titles = [title for _, title in COLUMNS.values()]
    rows = [("`--method` or flagfile", "needs", "seconds a round", *titles)]
    methods = declared.methods()
    for method in [*methods, *VARIANTS]:
        name, *more = VARIANTS.get(method, (method,))
        needs = [*methods[name].needs, *more]
        found = {data: _shown(runs, data, method) for data in COLUMNS}
        cells = [_cell(group) for group in found.values()]
        rows.append((f"`{method}`", _listed(needs), _seconds(found[TIMED]), *cells))
    return f"\n{markdown_table(rows)}\n"


def _shown(runs, data, method):
    """Returns the runs of one setting: the longest, of those the nearest to the flagfile."""
    pair, _ = COLUMNS[data]
    runs = [run for run in runs if (run.data, run.pair, run.method) == (data, pair, method)]
    settings = {(-run.rounds, len(run.changes), run.changes) for run in runs}
    return [run for run in runs if (-run.rounds, len(run.changes), run.changes) == min(settings)]


def _cell(runs):
    if not runs:
        return "not run"
    accuracies = [100 * run.accuracy for run in runs]
    text = f"{statistics.mean(accuracies):.1f}"
    if len(runs) > 1:
        text += f" ± {statistics.stdev(accuracies):.1f}"
    return f"{text} ({runs[0].rounds:,} rounds)"


def _seconds(runs):
    if not runs:
        return "not run"
    return f"{statistics.median(run.seconds / run.rounds for run in runs):.2f}"


def _listed(needs):
    return ", ".join(needs) or "-"


def main():
    """Writes the section of the page."""
    write_section(PAGE, SECTION, render(read_runs()))


if __name__ == "__main__":
    main()
